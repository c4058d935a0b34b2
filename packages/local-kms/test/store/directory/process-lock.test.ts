import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { thisProcess } from '../../../src/store/directory/lock-holder.ts';
import { takeLock } from '../../../src/store/directory/process-lock.ts';
import { temporaryFolder } from '../../fixtures/state.ts';

const inUse: unknown = expect.objectContaining({ code: 'STATE_IN_USE' });

async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await once(child, 'exit');
  return Number(child.pid);
}

/** The lock file of a process that has ended, unless the changes say otherwise. */
async function leftBehind(changes: object = {}) {
  const folder = temporaryFolder();
  const path = join(folder, 'lock');
  const text = JSON.stringify({ ...thisProcess(), pid: await endedProcess(), ...changes });
  writeFileSync(path, text);
  return { folder, path, text };
}

/** The state and the start of a process, as proc(5) has them. */
function statusOf(pid: number) {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const values = fields.split(' ');
  return { state: values[0], started: values[19] };
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

  test.skipIf(process.platform !== 'linux')(
    'is taken over from a process that was killed and that its parent has not waited for',
    async () => {
      // A shell would wait for the killed one; `sleep`, which this one becomes after it has printed, does not.
      const parent = spawn('sh', ['-c', 'sleep 60 & exec sh -c "echo $!; exec sleep 60"'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void parent.kill('SIGKILL'));
      const pid = Number(String(await once(parent.stdout, 'data')));
      await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n');
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => statusOf(pid).state).toBe('Z');
      const { path } = await leftBehind({ pid, started: statusOf(pid).started });
      await (await takeLock(path)).release();
    },
  );

  test('is taken over from before the machine was started again', async () => {
    const { path, folder } = await leftBehind({ pid: process.pid, boot: 'another', namespace: 'another' });
    await (await takeLock(path)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is taken over from a process whose id another one has by now', async () => {
    const { path, folder } = await leftBehind({ pid: process.pid, started: '1' });
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

  test('is taken over by one of many that come one after the other', async () => {
    const pid = await endedProcess();
    const folder = temporaryFolder();
    for (let round = 0; round < 60; round += 1) {
      const path = join(folder, String(round));
      writeFileSync(path, JSON.stringify({ ...thisProcess(), pid }));
      const comers = Array.from({ length: 12 }, async () => {
        await sleep(Math.random() * 3);
        return takeLock(path);
      });
      const outcomes = await Promise.allSettled(comers);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });

  test('is taken over by one process at a time, and after one that was killed on the way', async () => {
    const { path, folder, text } = await leftBehind();
    const digest = createHash('sha256').update(text).digest('hex');
    const successor = await takeLock(`${path}.after-${digest}`);
    await expect(takeLock(path)).rejects.toEqual(inUse);
    await successor.release();
    const pid = await endedProcess();
    writeFileSync(`${path}.after-${digest}`, JSON.stringify({ ...thisProcess(), pid }));
    const lock = await takeLock(path);
    await lock.assertHeld();
    expect(readdirSync(folder)).toEqual(['lock']);
    await lock.release();
  });

  test('that was deleted by hand, and taken by another, stays with that one', async () => {
    const path = join(temporaryFolder(), 'lock');
    const lock = await takeLock(path);
    const others = JSON.stringify(thisProcess());
    writeFileSync(path, others);
    await expect(lock.assertHeld()).rejects.toEqual(inUse);
    await lock.release();
    expect(readFileSync(path, 'utf8')).toBe(others);
  });

  test.each([{ host: 'another-machine' }, { namespace: 'another-container' }, { pid: 'none' }])(
    'is not taken over from a process that nobody can see: %o',
    async (changes) => {
      const { path } = await leftBehind(changes);
      await expect(takeLock(path)).rejects.toEqual(inUse);
    },
  );
});
