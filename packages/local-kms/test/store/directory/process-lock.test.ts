import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { takeLock } from '../../../src/store/directory/process-lock.ts';
import { temporaryFolder } from '../../fixtures/state.ts';

const inUse: unknown = expect.objectContaining({ code: 'STATE_IN_USE' });

/** The lock file of a process that has ended. */
async function leftBehind(changes: object = {}) {
  const folder = temporaryFolder();
  const path = join(folder, 'lock');
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await once(child, 'exit');
  writeFileSync(path, JSON.stringify({ host: hostname(), pid: child.pid, started: 'once', ...changes }));
  return { folder, path };
}

describe('the lock of a directory', () => {
  test('is of one, until that one releases it, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'lock');
    const lock = await takeLock(path);
    await expect(takeLock(path)).rejects.toEqual(inUse);
    expect(readdirSync(folder)).toEqual(['lock']);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
    await (await takeLock(path)).release();
  });

  test('is taken over from a process that was killed', async () => {
    const { path, folder } = await leftBehind();
    const lock = await takeLock(path);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
    expect(readdirSync(folder)).toEqual(['lock']);
    await lock.release();
  });

  test('is taken over from a process whose id another one has by now', async () => {
    const { path, folder } = await leftBehind({ pid: process.pid });
    const lock = await takeLock(path);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is taken over by one of many that come at once', async () => {
    const { path } = await leftBehind();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => takeLock(path)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toEqual(inUse);
  });

  test.each([{ host: 'another-machine' }, { pid: 'none' }])(
    'is not taken over from a process that nobody can see: %o',
    async (changes) => {
      const { path } = await leftBehind(changes);
      await expect(takeLock(path)).rejects.toEqual(inUse);
    },
  );
});
