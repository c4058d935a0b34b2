import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** What a worker answers that calls `report` of the folder's `contract.mjs`, in the server that Cloudflare runs them on. */
export function runInWorkerd(binary: string, folder: string): Promise<string> {
  writeFileSync(join(folder, 'main.mjs'), MAIN);
  return withWorker(binary, folder, (fetchText) => fetchText('/'));
}

/**
 * Serves the worker `main.mjs` of the folder, and `contract.mjs` beside it, while `visit` asks it for the text of pages.
 * Answers what that resolves to, and what the server complained about.
 *
 * @param compatibilityDate of the Web that it is to be like
 */
export async function withWorker(
  binary: string,
  folder: string,
  visit: (fetchText: (path: string) => Promise<string>) => Promise<string>,
  compatibilityDate = '2026-11-01',
): Promise<string> {
  const config = join(folder, 'config.capnp');
  writeFileSync(config, configText(compatibilityDate));
  const server = spawn(binary, ['serve', config, '--control-fd=1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(server, 'exit');
  let complaints = '';
  server.stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  try {
    const port = await portIn(server.stdout);
    if (port === undefined) return complaints;
    const result = await visit(async (path) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return answer.text();
    });
    return `${result}${complaints}`;
  } finally {
    server.kill();
    await exit;
  }
}

/** The port that the system chose, from what the server says when it listens; undefined if it ends before. */
async function portIn(control: Readable): Promise<string | undefined> {
  for await (const chunk of control) {
    const [, port] = /"port":(\d+)/.exec(String(chunk)) ?? [];
    if (port !== undefined) return port;
  }
  return undefined;
}

function configText(compatibilityDate: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "contract", worker = (
    modules = [
      (name = "main.mjs", esModule = embed "main.mjs"),
      (name = "contract.mjs", esModule = embed "contract.mjs"),
    ],
    compatibilityDate = "${compatibilityDate}",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "contract")],
);
`;
}

const TIMEOUT_MS = 120_000;
const MAIN = `import { report } from './contract.mjs';
export default { fetch: async () => new Response(await report()) };
`;
