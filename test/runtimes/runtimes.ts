import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isChromiumInstalled, runInChromium } from './chromium.ts';
import { output } from './process.ts';
import { runInWorkerd } from './workerd.ts';

/** Something that runs JavaScript. */
export interface Runtime {
  /** Conditions for `exports` and `imports` of packages that it, or a bundler for it, goes by. */
  readonly conditions: readonly string[];
  isInstalled(): boolean;
  /**
   * Runs `contract.mjs`, which lies in the folder and exports `report`, and answers the text that `report()`
   * resolves to, or whatever tells why it did not.
   */
  run(folder: string): Promise<string>;
}

/** Every runtime that the contract is to hold on. Versions stand in package.json, in this folder. */
export const RUNTIMES: Readonly<Record<string, Runtime>> = {
  'this Node': program(process.execPath, ['node']),
  'this Node with the browser provider': program(process.execPath, ['browser']),
  'Node 20': program(installed('node-20/bin/node'), ['node']),
  'Node 22': program(installed('node-22/bin/node'), ['node']),
  'Node 24': program(installed('node-24/bin/node'), ['node']),
  Bun: program(installed('bun/bin/bun'), ['bun', 'node'], 'run'),
  Deno: program(installed('deno/deno'), ['deno', 'node'], 'run'),
  workerd: {
    conditions: ['workerd', 'worker', 'browser'],
    isInstalled: () => existsSync(WORKERD),
    run: (folder) => runInWorkerd(WORKERD, folder),
  },
  Chromium: { conditions: ['browser'], isInstalled: isChromiumInstalled, run: runInChromium },
};

/** A runtime that runs a file and prints. */
function program(binary: string, conditions: readonly string[], ...args: readonly string[]): Runtime {
  return {
    conditions,
    isInstalled: () => existsSync(binary),
    async run(folder) {
      const main = join(folder, 'main.mjs');
      writeFileSync(main, "import { report } from './contract.mjs';\nconsole.log(await report());\n");
      return output(binary, [...args, main]);
    },
  };
}

function installed(path: string): string {
  return fileURLToPath(new URL(`../../.setup/runtimes/node_modules/${path}`, import.meta.url));
}

export const WORKERD = installed('workerd/bin/workerd');
