import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockChain } from '../../src/audit/chain-lock.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

const CHATTR = 'chattr';

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

describe.runIf(mayChangeAttributes())('where files are kept as they are (needs root)', () => {
  it('lies in a folder that takes new files only', async () => {
    const directory = withAttribute('a', temporaryFolder());
    await (await lockChain({ directory, chain: 'audit' }))();
    await (await lockChain({ directory, chain: 'audit' }))();
    expect(readdirSync(directory)).toEqual(['audit.lock']);
  });

  it('is done without where it cannot be written', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'audit.lock'), '1 1\n');
    withAttribute('i', join(directory, 'audit.lock'));
    await (await lockChain({ directory, chain: 'audit' }))();
    expect(readFileSync(join(directory, 'audit.lock'), 'utf8')).toBe('1 1\n');
  });
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

/** Gives a file an attribute for the time of the test. */
function withAttribute(attribute: 'a' | 'i', path: string): string {
  onTestFinished(() => void changeAttributes(`-${attribute}`, path));
  expect(changeAttributes(`+${attribute}`, path)).toBe(true);
  return path;
}

/** Whether user and file system allow that. */
function mayChangeAttributes(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-xks-'));
  const isChanged = changeAttributes('+a', folder);
  changeAttributes('-a', folder);
  rmSync(folder, { recursive: true });
  return isChanged;
}

function changeAttributes(...words: readonly string[]): boolean {
  return spawnSync(CHATTR, words).status === 0;
}
