import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { directoryStore } from '../../../src/store/directory/directory-store.ts';
import { temporaryFolder } from '../../fixtures/state.ts';
import { describeStore } from '../contract.ts';

const change = (value: number) => [{ name: 'key/x/a', body: Uint8Array.of(value) }];

describe('a directory', () => {
  test('goes on after a commit that was cut off at any byte', async () => {
    const folder = temporaryFolder();
    const location = directoryStore(folder);
    const path = join(folder, 'state-1.log');
    const store = await location.open();
    await store.begin({ header: '', version: 0, records: [] });
    await store.commit(1, change(1));
    const kept = statSync(path).size;
    await store.commit(2, change(2));
    await store.close();
    const log = readFileSync(path);
    for (let length = kept; length < log.length; length += 1) {
      writeFileSync(path, log.subarray(0, length));
      const next = await location.open();
      expect(statSync(path).size).toBe(kept);
      await next.commit(2, change(3));
      expect(await next.read()).toMatchObject({ version: 2, records: [{ version: 2, body: Buffer.of(3) }] });
      await next.close();
    }
  });

  test('of which the lock was deleted and taken by another is written to no more', async () => {
    const folder = temporaryFolder();
    const store = await directoryStore(folder).open();
    await store.begin({ header: '', version: 0, records: [] });
    rmSync(join(folder, 'lock'));
    const next = await directoryStore(folder).open();
    await expect(store.commit(1, change(1))).rejects.toMatchObject({ code: 'STATE_IN_USE' });
    await store.close();
    await next.commit(1, change(2));
    expect(await next.read()).toMatchObject({ version: 1, records: [{ body: Buffer.of(2) }] });
    await next.close();
  });

  test('that is named from where the process is stays the same when the process goes elsewhere', async () => {
    const home = process.cwd();
    onTestFinished(() => process.chdir(home));
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    process.chdir(folder);
    const location = directoryStore('state');
    process.chdir(elsewhere);
    const store = await location.open();
    await store.begin({ header: '', version: 0, records: [] });
    process.chdir(folder);
    await store.commit(1, change(1));
    await store.close();
    process.chdir(elsewhere);
    expect(await location.read()).toMatchObject({ version: 1, records: [{ body: Buffer.of(1) }] });
    expect(readdirSync(join(folder, 'state'))).toEqual(['state-1.log']);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test('takes the newest of two logs, and clears away the other and what was not finished', async () => {
    const folder = temporaryFolder();
    const location = directoryStore(folder);
    const store = await location.open();
    await store.begin({ header: '', version: 0, records: [] });
    await store.commit(1, change(1));
    await store.close();
    const log = readFileSync(join(folder, 'state-1.log'));
    writeFileSync(join(folder, 'state-9.log'), log);
    writeFileSync(join(folder, 'state-10.log'), log);
    writeFileSync(join(folder, 'state-11.log.draft'), log.subarray(0, 50));
    const next = await location.open();
    await next.commit(2, change(2));
    await next.close();
    expect(readdirSync(folder)).toEqual(['state-10.log']);
    expect(await location.read()).toMatchObject({ version: 2 });
  });

  test('becomes shorter once it is twice as long as what it has, and no file of it is for others', async () => {
    const folder = join(temporaryFolder(), 'data');
    const store = await directoryStore(folder, { maxLogBytes: 0 }).open();
    await store.begin({ header: '', version: 0, records: [] });
    for (let version = 1; version <= 50; version += 1) await store.commit(version, change(version));
    const [, log = ''] = readdirSync(folder);
    expect(statSync(join(folder, log)).size).toBeLessThan(1000);
    for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))]) {
      expect(statSync(path).mode & 0o077).toBe(0);
    }
    await store.close();
  });

  test('that cannot be made or read says why', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const unavailable = { code: 'STORE_UNAVAILABLE' };
    await expect(directoryStore(join(file, 'data')).open()).rejects.toMatchObject(unavailable);
    await expect(directoryStore(file).read()).rejects.toMatchObject(unavailable);
    expect(() => directoryStore(file, { maxLogBytes: Number.NaN })).toThrow(RangeError);
    expect(() => directoryStore('')).toThrow(RangeError);
  });
});

describeStore('a directory', () => directoryStore(join(temporaryFolder(), 'data')));
describeStore('a directory that is compacted all the time', () =>
  directoryStore(join(temporaryFolder(), 'data'), { maxLogBytes: 0 }),
);
