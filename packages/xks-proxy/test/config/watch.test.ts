import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, open, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FileWatch, watchFiles } from '../../src/config/watch.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

let first: string;
let second: string;
let changes: number;
let watch: FileWatch;
beforeEach(() => {
  const folder = temporaryFolder();
  [first, second] = [join(folder, 'first'), join(folder, 'second')];
  writeFileSync(first, '1');
  writeFileSync(second, '2');
  changes = 0;
  watch = watchFiles({
    onChange: () => {
      changes += 1;
    },
    intervalMs: INTERVAL_MS,
  });
  onTestFinished(() => watch.close());
});

const read = (...files: readonly string[]) => watch.reading((onRead) => files.forEach(onRead));
/** Long enough for what is not to be told. */
const later = () => sleep(10 * INTERVAL_MS);

describe('files that are watched', () => {
  it('are told of once when they change, or are gone', async () => {
    read(first, second);
    await later();
    expect(changes).toBe(0);
    writeFileSync(first, 'other');
    rmSync(second);
    await expect.poll(() => changes).toBe(1);
    await later();
    expect(changes).toBe(1);
    read(first, second);
    await later();
    expect(changes).toBe(1);
    writeFileSync(second, '2');
    await expect.poll(() => changes).toBe(2);
  });

  it('are told of when they cannot be looked at any more, and when they can again', async () => {
    read(first, second);
    rmSync(second);
    symlinkSync(second, second);
    await expect.poll(() => changes).toBe(1);
    read(first, second);
    rmSync(second);
    writeFileSync(second, '2');
    await expect.poll(() => changes).toBe(2);
  });

  it('are told of while one of them changes all the time, and not again before they are read', async () => {
    read(first, second);
    let round = 0;
    const always = setInterval(() => writeFileSync(first, String((round += 1))), INTERVAL_MS / 4);
    onTestFinished(() => clearInterval(always));
    await expect.poll(() => changes).toBe(1);
    await later();
    expect(changes).toBe(1);
    read(first, second);
    await expect.poll(() => changes).toBe(2);
  });

  it('are told of when their permissions change', async () => {
    chmodSync(first, 0o200);
    read(first, second);
    await later();
    chmodSync(first, 0o600);
    await expect.poll(() => changes).toBe(1);
  });

  it('are told of when they change as soon as they are read', async () => {
    watch.reading((onRead) => {
      onRead(first);
      writeFileSync(first, 'other');
    });
    await expect.poll(() => changes).toBe(1);
  });

  it('are those of the last reading', async () => {
    read(first);
    read(second);
    writeFileSync(first, 'other');
    await later();
    expect(changes).toBe(0);
    writeFileSync(second, 'other');
    await expect.poll(() => changes).toBe(1);
  });

  it('are those of a reading that failed besides those read earlier, until one succeeds', async () => {
    const failToRead = (file: string) => {
      const failed = () =>
        watch.reading((onRead) => {
          onRead(file);
          throw new Error('a mistake');
        });
      expect(failed).toThrow('a mistake');
    };
    read(first, second);
    writeFileSync(second, 'changed, and not read');
    failToRead(first);
    await expect.poll(() => changes).toBe(1);
    failToRead(first);
    await later();
    expect(changes).toBe(1);
    writeFileSync(second, 'changed again');
    await expect.poll(() => changes).toBe(2);
    failToRead(first);
    writeFileSync(first, 'other');
    await expect.poll(() => changes).toBe(3);
    read(first);
    writeFileSync(second, 'no longer read');
    await later();
    expect(changes).toBe(3);
  });

  it('hold up nobody while they cannot be looked at, since a file server hangs, and are not looked at again', async () => {
    const letGo = holdThreads(dirname(first));
    try {
      read(first);
      writeFileSync(first, 'other');
      await later();
      expect(changes).toBe(0);
      expect(looksUnderWay()).toBe(1);
    } finally {
      letGo();
    }
    await expect.poll(() => changes).toBe(1);
  });

  it('are looked at whatever has become of a look at others, which were read before', async () => {
    const letGo = holdThreads(dirname(first));
    try {
      read(first);
      await later();
      read(second);
      await later();
      expect(looksUnderWay()).toBe(2);
    } finally {
      letGo();
    }
    writeFileSync(second, 'other');
    await expect.poll(() => changes).toBe(1);
  });
});

const looksUnderWay = () => process.getActiveResourcesInfo().filter((kind) => kind === 'FSReqPromise').length;

/** Has all threads of libuv wait, as it is when a file server hangs. */
function holdThreads(folder: string): () => void {
  const pipes = Array.from({ length: THREADS }, (_, index) => join(folder, `pipe-${index}`));
  execFileSync('mkfifo', pipes);
  for (const pipe of pipes) open(pipe, 'r', (_error, descriptor) => closeSync(descriptor));
  return () => {
    for (const pipe of pipes) closeSync(openSync(pipe, 'r+'));
  };
}

const THREADS = 4;
const INTERVAL_MS = 20;
