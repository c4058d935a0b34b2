import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a page that loads the module shows in the end, in headless Chromium. */
export async function inChromium(module: string): Promise<string> {
  const server = createServer(({ url }, answer) => {
    const isModule = url === '/contract.mjs';
    answer.setHeader('content-type', isModule ? 'text/javascript' : 'text/html');
    answer.end(isModule ? readFileSync(module) : PAGE);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const profile = mkdtempSync(join(tmpdir(), 'holdfast-chromium-'));
  try {
    return await shown([...OPTIONS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`]);
  } finally {
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

function shown(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const browser = spawn('chromium', args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 });
    browser.stdout.on('data', (chunk) => {
      text += String(chunk);
    });
    browser.on('error', () => resolve('chromium is not installed (Debian: apt-get install chromium)'));
    browser.on('close', () => resolve(text.replaceAll(/<[^>]*>/g, '\n')));
  });
}

const PAGE = '<!doctype html><body>nothing yet<script type="module" src="/contract.mjs"></script></body>';
const OPTIONS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--virtual-time-budget=60000',
  '--dump-dom',
];
