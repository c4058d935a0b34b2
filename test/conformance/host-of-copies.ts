// Started with a configuration file and copies of the proxy, one file each: runs a proxy out of each, and prints one line
// with their ports.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as xksProxy from '@holdfast/xks-proxy';

const [configFile = '', ...files] = process.argv.slice(2);
const configuration = readFileSync(configFile, 'utf8');
const ports: number[] = [];
for (const file of files) {
  const copy: unknown = await import(pathToFileURL(file).href);
  if (!isProxy(copy)) throw new Error(`${file} holds no proxy`);
  const config = copy.parseConfig(configuration, { baseDirectory: dirname(configFile) });
  ports.push((await copy.startProxy(config)).port);
}
process.stdout.write(`${JSON.stringify({ event: 'listening', ports })}\n`);

function isProxy(copy: unknown): copy is typeof xksProxy {
  return typeof copy === 'object' && copy !== null && 'startProxy' in copy && 'parseConfig' in copy;
}
