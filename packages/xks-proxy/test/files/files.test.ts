import { type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../../tools/vitest/runs-typescript.ts';
import { withFileLock } from '../../src/files/file-lock.ts';
import { createFile, createFiles, replaceFile, tryReplacing } from '../../src/files/replace-file.ts';
import { onFullDisk } from '../fixtures/full-disk.ts';
import { codeOf } from '../fixtures/store-files.ts';

const parent = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
afterAll(() => rmSync(parent, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(parent, 'case-'));
});

describe('a file that is replaced', () => {
  it('has the new text, its old permissions, and leaves nothing beside it', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    await replaceFile(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is as before when that was only tried, and nothing lies beside it', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'old');
    await tryReplacing(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is for its owner alone when it is new', async () => {
    await replaceFile(join(folder, 'file'), 'new');
    expect(statSync(join(folder, 'file')).mode & 0o777).toBe(0o600);
  });

  it.runIf(process.getuid?.() === 0).each([
    [
      'stays where its owner may not give it to the group that reads it (needs root)',
      0o640,
      'CHANGE_REFUSED',
    ],
    ['is of another group where that has no permissions (needs root)', 0o604, 'none'],
  ])('%s', async (_title, mode, code) => {
    const file = join(folder, 'file');
    writeFileSync(file, 'old');
    chmodSync(file, mode);
    for (const path of [parent, folder]) chownSync(path, NOBODY, NOBODY);
    chownSync(file, NOBODY, OTHERS);
    expect(await asNobody('try-replacing', file, 'new')).toBe(code);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(await asNobody('replace', file, 'new')).toBe(code);
    expect(readFileSync(file, 'utf8')).toBe(code === 'none' ? 'new' : 'old');
    expect(statSync(file).mode & 0o777).toBe(mode);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is for its owner alone when it is to be as a new one', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'old', { mode: 0o644 });
    await replaceFile(file, 'new', 'new');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is the one that a link leads to', async () => {
    writeFileSync(join(folder, 'target'), 'old');
    symlinkSync('target', join(folder, 'link'));
    await replaceFile(join(folder, 'link'), 'new');
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('new');
    expect(readdirSync(folder).sort()).toEqual(['link', 'target']);
  });
});

it('a file that is created must not be there', async () => {
  await createFile(join(folder, 'file'), 'first');
  expect(await codeOf(createFile(join(folder, 'file'), 'second'))).toBe('EEXIST');
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('first');
});

it.runIf(process.getuid?.() === 0)(
  'a file that is created is not left behind where its name cannot be made safe (needs root)',
  async () => {
    chownSync(parent, NOBODY, NOBODY);
    chownSync(folder, NOBODY, NOBODY);
    // Files can be made there, but the folder cannot be opened.
    chmodSync(folder, 0o300);
    expect(await asNobody('create', join(folder, 'file'), 'text')).toBe('EACCES');
    expect(readdirSync(folder)).toEqual([]);
  },
);

it.runIf(process.getuid?.() === 0)(
  'a file that is created for the reader of another one is not left behind where it cannot be read (needs root)',
  async () => {
    for (const path of [parent, folder]) chownSync(path, NOBODY, NOBODY);
    writeFileSync(join(folder, 'file.like'), '');
    expect(await asNobody('create-like', join(folder, 'file'), 'text')).toBe('CHANGE_REFUSED');
    expect(readdirSync(folder)).toEqual(['file.like']);
  },
);

it('files that are created together are all made, or none', async () => {
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  const texts = new Map([
    [first, '1'],
    [second, '2'],
  ]);
  writeFileSync(second, 'there');
  expect(await codeOf(createFiles(texts))).toBe('CHANGE_REFUSED');
  expect(readdirSync(folder)).toEqual(['second']);
  expect(readFileSync(second, 'utf8')).toBe('there');
  rmSync(second);
  await createFiles(texts);
  expect([first, second].map((file) => readFileSync(file, 'utf8'))).toEqual(['1', '2']);
});

describe('a lock', () => {
  it.each([
    ['one file', ['file']],
    ['links to it', ['file', 'link', 'other-link']],
  ])('lets one work at a time on %s, and is gone afterwards', async (_title, names) => {
    writeFileSync(join(folder, 'file'), '');
    for (const link of names.slice(1)) symlinkSync('file', join(folder, link));
    const before = readdirSync(folder);
    let [atWork, most] = [0, 0];
    const work = async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise((resolve) => void setTimeout(resolve, 5));
      atWork -= 1;
    };
    const files = [...names, ...names].map((name) => join(folder, name));
    await Promise.all(files.map((file) => withFileLock(file, work)));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual(before);
  });

  it('that somebody else holds or left behind is not broken', async () => {
    const file = join(folder, 'file');
    for (const owner of [`${process.pid}\n`, '999999999\n', '']) {
      writeFileSync(`${file}.lock`, owner);
      const waited = withFileLock(file, async () => 'done', { waitMs: 10 });
      expect(await codeOf(waited)).toBe('FILE_LOCKED');
    }
    expect(readdirSync(folder)).toEqual(['file.lock']);
  });

  it('tells a holder that is at work from one that is gone, whatever process has its number now', async () => {
    const file = join(folder, 'file');
    const refused = () => withFileLock(file, async () => 'done', { waitMs: 10 });
    await withFileLock(file, async () => {
      await expect(refused()).rejects.toThrow(`is held by process ${process.pid}`);
      const own = readFileSync(`${file}.lock`, 'utf8');
      expect(own).toMatch(new RegExp(`^${process.pid} \\d+\\n$`));
      writeFileSync(`${file}.lock`, own.replace(/ \d+/, ' 1'));
      await expect(refused()).rejects.toThrow('was left behind');
      // As earlier versions wrote it.
      writeFileSync(`${file}.lock`, `${process.pid}\n`);
      await expect(refused()).rejects.toThrow(
        /is held by process \d+.+if that is another program, delete it/,
      );
    });
  });

  it('that cannot be written, on a disk that is full, is not left behind', async () => {
    const file = join(folder, 'file');
    expect(await answerOf(['lock', file], onFullDisk(0))).toBe('EFBIG');
    await expect(withFileLock(file, async () => 'done')).resolves.toBe('done');
  });

  it('is released when the work fails', async () => {
    const file = join(folder, 'file');
    await expect(withFileLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(withFileLock(file, async () => 'done')).resolves.toBe('done');
  });
});

/** The code of the error that a user without rights gets for writing a file, or `none`. */
function asNobody(
  work: 'create' | 'create-like' | 'replace' | 'try-replacing',
  file: string,
  text: string,
): Promise<unknown> {
  return answerOf([work, file, text], { execArgv: [RUNS_TYPESCRIPT], uid: NOBODY, gid: NOBODY });
}

async function answerOf(args: readonly string[], options: ForkOptions): Promise<unknown> {
  const child = fork(PROGRAM, args, options);
  const messages: readonly unknown[] = await once(child, 'message');
  return messages[0];
}

const PROGRAM = fileURLToPath(new URL('../fixtures/write-process.ts', import.meta.url));
const [NOBODY, OTHERS] = [65_534, 65_533];
