import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from './bundle.ts';
import { output } from './process.ts';

test.each(['node', 'browser'])(
  'importing everything, as for the condition %s, changes nothing around it',
  async (condition) => {
    expect(await changedBy(EVERYTHING, condition)).toEqual([]);
  },
);

test('an import that changes something would be noticed', async () => {
  expect(await changedBy(CULPRIT, 'node')).toEqual([
    'Array.prototype.left',
    'globalThis.left',
    'listener exit',
    'resources',
  ]);
});

/** What is different behind the import of the module. */
async function changedBy(source: string, condition: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-import-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [module] = (await bundle(source, [condition])).files;
  writeFileSync(join(folder, 'module.mjs'), module ?? expect.unreachable());
  writeFileSync(join(folder, 'main.mjs'), MAIN);
  return JSON.parse(await output(process.execPath, [join(folder, 'main.mjs')]));
}

const EVERYTHING = `
export * from '@holdfast/sdk';
export * from '@holdfast/sdk/spi';
export * from '@holdfast/keyrings/multi';
export * from '@holdfast/keyrings/raw-aes';
`;

const CULPRIT = `
globalThis.left = 1;
Array.prototype.left = 1;
process.on('exit', () => {});
setTimeout(() => {}, 1);
`;

/** Prints what is different behind the import: globals and what they hold, listeners, timers and handles. */
const MAIN = `
const around = () => {
  const found = new Map();
  const note = (path, object) => {
    for (const key of Reflect.ownKeys(object)) {
      const { value, get } = Object.getOwnPropertyDescriptor(object, key);
      found.set(path + '.' + String(key), value ?? get);
    }
  };
  note('globalThis', globalThis);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const value = globalThis[name];
    if (typeof value !== 'function' && name !== 'process' && name !== 'crypto') continue;
    note(name, value);
    if (value.prototype) note(name + '.prototype', value.prototype);
  }
  for (const event of process.eventNames()) found.set('listener ' + String(event), process.listenerCount(event));
  found.set('resources', process.getActiveResourcesInfo().sort().join());
  return found;
};
around();
const before = around();
await import('./module.mjs');
const after = around();
const names = [...new Set([...before.keys(), ...after.keys()])].sort();
console.log(JSON.stringify(names.filter((name) => !Object.is(before.get(name), after.get(name)))));
`;
