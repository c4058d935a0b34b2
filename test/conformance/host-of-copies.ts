// Started with a configuration file and folders of proxy sources: runs a proxy out of each folder, and prints one
// line with their ports. Twelve processes would take most of a test's time to start.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as xksProxy from '@holdfast/xks-proxy';

const [configFile = '', ...folders] = process.argv.slice(2);
const configuration = readFileSync(configFile, 'utf8');
const ports: number[] = [];
for (const folder of folders) {
  const copy: unknown = await import(pathToFileURL(join(folder, 'index.ts')).href);
  if (!isProxy(copy)) throw new Error(`${folder} holds no proxy`);
  const config = copy.parseConfig(configuration, { baseDirectory: dirname(configFile) });
  ports.push((await copy.startProxy(config)).port);
}
process.stdout.write(`${JSON.stringify({ event: 'listening', ports })}\n`);

function isProxy(copy: unknown): copy is typeof xksProxy {
  return typeof copy === 'object' && copy !== null && 'startProxy' in copy && 'parseConfig' in copy;
}
