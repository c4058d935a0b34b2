import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { lockChain } from '../../src/audit/chain-lock.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

/** The lock of another process as that would write it. */
const lockOf = (pid: number | undefined) => {
  const start = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  return `${pid} ${start}\n`;
};

it('keeps a chain for one, until it is given back', async () => {
  const directory = temporaryFolder();
  const unlock = await lockChain({ directory, chain: 'audit' });
  await expect(lockChain({ directory, chain: 'audit' })).rejects.toThrow(`process ${process.pid}`);
  await (await lockChain({ directory, chain: 'other' }))();
  await unlock();
  expect(readdirSync(directory)).toEqual([]);
  await (await lockChain({ directory, chain: 'audit' }))();
});

it('holds for another process while that lives, and not when it was killed', async () => {
  const directory = temporaryFolder();
  const other = spawn('sleep', ['60']);
  onTestFinished(() => void other.kill());
  await once(other, 'spawn');
  writeFileSync(join(directory, 'audit.lock'), lockOf(other.pid));
  await expect(lockChain({ directory, chain: 'audit' })).rejects.toThrow(`process ${other.pid}`);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await (await lockChain({ directory, chain: 'audit' }))();
});

it('is not taken from who has it by then', async () => {
  const directory = temporaryFolder();
  const unlock = await lockChain({ directory, chain: 'audit' });
  const other = '1 1\n';
  writeFileSync(join(directory, 'audit.lock'), other);
  await unlock();
  expect(readFileSync(join(directory, 'audit.lock'), 'utf8')).toBe(other);
});

it.each(['', 'nobody', `${process.pid} 1\n`, '1 1\n'])(
  'does not hold for one that had a number which another process has now: %j',
  async (left) => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'audit.lock'), left);
    const unlock = await lockChain({ directory, chain: 'audit' });
    expect(readFileSync(join(directory, 'audit.lock'), 'utf8')).toBe(lockOf(process.pid));
    await unlock();
  },
);
