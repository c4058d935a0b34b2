import { appendFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { startProxy } from '../src/library.ts';
import { writeConfigWithFiles } from './fixtures/store-files.ts';

it('a program that embeds the proxy is told that no key rotates at its limit', async () => {
  const files = await writeConfigWithFiles();
  onTestFinished(() => files.dispose());
  appendFileSync(files.configFile, '[iv_budget]\nat_limit = "rotate"\n');
  const lines: string[] = [];
  const log = { write: (line: string) => lines.push(line) };
  const proxy = await startProxy(loadConfig(files.configFile), { log });
  onTestFinished(() => proxy.close());
  const events = lines.map((line): unknown => JSON.parse(line));
  const told = { event: 'rotation-impossible', level: 'error', store: 'acme' };
  expect(events).toContainEqual(expect.objectContaining(told));
});
