import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from './process.ts';

/** True if Debian's Chromium, or one of that name, is there. */
export function isChromiumInstalled(): boolean {
  return spawnSync('chromium', ['--version']).status === 0;
}

/** What a page shows in the end that loads `contract.mjs` of the folder and calls `report`. */
export async function runInChromium(folder: string): Promise<string> {
  const server = createServer(({ url }, answer) => {
    const isModule = url === '/contract.mjs';
    answer.setHeader('content-type', isModule ? 'text/javascript' : 'text/html; charset=utf-8');
    answer.end(isModule ? readFileSync(join(folder, 'contract.mjs')) : PAGE);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const profile = mkdtempSync(join(tmpdir(), 'holdfast-chromium-'));
  try {
    const page = await output('chromium', [
      ...OPTIONS,
      `--user-data-dir=${profile}`,
      `http://127.0.0.1:${port}/`,
    ]);
    return /<body>([^]*)<\/body>/.exec(page)?.[1] ?? page;
  } finally {
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

const PAGE = `<!doctype html><body>the page did not come to an end</body>
<script type="module">
import { report } from './contract.mjs';
document.body.textContent = await report();
</script>`;
const OPTIONS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--virtual-time-budget=60000',
  '--dump-dom',
];
