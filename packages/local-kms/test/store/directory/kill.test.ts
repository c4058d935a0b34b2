import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { directoryStore } from '../../../src/store/directory/directory-store.ts';
import { temporaryFolder } from '../../fixtures/state.ts';

const BODY_BYTES = 300;
const ROUNDS = 12;

/** The versions that the program prints until it is killed, some time after so many of them. */
async function versionsUntilKilled(program: string, path: string, count: number, afterMs: number) {
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  const versions = () => printed.split('\n').slice(0, -1).map(Number);
  child.stdout.on('data', (chunk) => {
    printed += String(chunk);
    if (versions().length >= count) setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  await once(child, 'close');
  return versions();
}

test('a directory has what was committed, however often its process is killed and however often it is compacted', async () => {
  const folder = temporaryFolder();
  const [program, path] = [join(folder, 'program.mjs'), join(folder, 'data')];
  await build({
    entryPoints: [fileURLToPath(new URL('../../fixtures/endless-commits.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const versions = await versionsUntilKilled(program, path, round + 2, (7 * round) % 11);
    // The last commit may have been kept without anybody having been told.
    expect([acknowledged, acknowledged + 1]).toContain(versions[0]);
    acknowledged = versions.at(-1) ?? 0;
  }
  // The first of each round was there before it.
  expect(acknowledged).toBeGreaterThanOrEqual((ROUNDS * (ROUNDS + 1)) / 2);
  const { version = 0, records = [] } = (await directoryStore(path).read()) ?? {};
  expect(version - acknowledged).toBeLessThanOrEqual(1);
  expect(records).toHaveLength(7);
  for (const record of records) {
    expect(Buffer.from(record.body)).toEqual(Buffer.alloc(BODY_BYTES, record.version % 251));
    expect(record.name).toBe(`key/x/${record.version % 7}`);
    expect(record.version).toBeGreaterThan(version - 7);
  }
}, 60_000);
