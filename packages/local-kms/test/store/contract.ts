import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { backUp, restore } from '../../src/store/backup.ts';
import { directoryStore } from '../../src/store/directory/directory-store.ts';
import type { Snapshot, Store, StoreLocation } from '../../src/store/store.ts';
import { temporaryFolder } from '../fixtures/state.ts';

const EMPTY: Snapshot = { header: '{"a header":"☃"}', version: 0, records: [] };
const bytes = (...values: number[]) => Uint8Array.from(values);

async function opened(location: StoreLocation): Promise<Store> {
  const store = await location.open();
  onTestFinished(() => store.close());
  return store;
}

/** What an engine reads, with its records in the order of their names and their bodies as plain bytes. */
async function contentOf({ read }: Pick<Store, 'read'>) {
  const snapshot = await read();
  return snapshot && normalized(snapshot);
}

function normalized({ records, ...snapshot }: Snapshot) {
  const sorted = [...records].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...snapshot, records: sorted.map((record) => ({ ...record, body: [...record.body] })) };
}

const name = fc.constantFrom(
  'key/eu-north-1/a',
  'key/eu-north-1/b',
  'alias/us-west-2/alias/a',
  'grant/x/ü"\n',
);
const change = fc.record({ name, body: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }) });
const commit = fc.uniqueArray(change, { selector: ({ name }) => name, minLength: 1 });

/** What every engine has to do. `locate` gives a new place each time. */
export function describeStore(engine: string, locate: () => StoreLocation): void {
  describe(`a store in ${engine}`, () => {
    test('has nothing until it is begun, and then what it was begun with', async () => {
      const location = locate();
      const store = await opened(location);
      expect(await store.read()).toBeUndefined();
      expect(await location.read()).toBeUndefined();
      const records = [{ name: 'key/eu-north-1/a', version: 3, body: bytes(1, 2) }];
      await store.begin({ ...EMPTY, version: 7, records });
      expect(await contentOf(store)).toEqual(normalized({ ...EMPTY, version: 7, records }));
    });

    test('is begun once', async () => {
      const location = locate();
      const store = await location.open();
      await store.begin(EMPTY);
      await expect(store.begin(EMPTY)).rejects.toMatchObject({ code: 'STATE_EXISTS' });
      await store.close();
      await expect((await opened(location)).begin(EMPTY)).rejects.toMatchObject({ code: 'STATE_EXISTS' });
    });

    test('is of one process, and of the next when it is closed', async () => {
      const location = locate();
      const store = await location.open();
      await expect(location.open()).rejects.toMatchObject({ code: 'STATE_IN_USE' });
      await store.close();
      await (await location.open()).close();
    });

    test('has after any commits what they come to, also for the next process', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(commit, { maxLength: 12 }), async (commits) => {
          const location = locate();
          const store = await location.open();
          await store.begin(EMPTY);
          const expected = new Map<string, { name: string; version: number; body: Uint8Array }>();
          for (const [index, changes] of commits.entries()) {
            const version = index + 1;
            await store.commit(version, changes);
            for (const { name, body } of changes) {
              if (body) expected.set(name, { name, version, body });
              else expected.delete(name);
            }
          }
          const content = normalized({ ...EMPTY, version: commits.length, records: [...expected.values()] });
          expect(await contentOf(store)).toEqual(content);
          expect(await contentOf(location)).toEqual(content);
          await store.close();
          const next = await location.open();
          expect(await contentOf(next)).toEqual(content);
          await next.commit(commits.length + 1, [{ name: 'key/x/last', body: bytes(9) }]);
          await next.close();
          expect((await location.read())?.version).toBe(commits.length + 1);
        }),
        { numRuns: 12 },
      );
    });

    test('is in a backup as it is, while it is in use, and comes back in any engine', async () => {
      const location = locate();
      const store = await opened(location);
      await store.begin(EMPTY);
      await store.commit(1, [{ name: 'key/x/a', body: bytes(1) }]);
      await store.commit(2, [{ name: 'key/x/b', body: bytes(2) }]);
      const file = join(temporaryFolder(), 'backup');
      await backUp(location, file);
      await store.commit(3, [{ name: 'key/x/b', body: undefined }]);
      for (const target of [locate(), directoryStore(join(temporaryFolder(), 'new', 'folder'))]) {
        await restore(readFileSync(file), target);
        expect(await contentOf(target)).toEqual(
          normalized({
            ...EMPTY,
            version: 2,
            records: [
              { name: 'key/x/a', version: 1, body: bytes(1) },
              { name: 'key/x/b', version: 2, body: bytes(2) },
            ],
          }),
        );
        await expect(restore(readFileSync(file), target)).rejects.toMatchObject({ code: 'STATE_EXISTS' });
      }
      await expect(backUp(location, file)).rejects.toMatchObject({ code: 'STATE_EXISTS' });
      await expect(backUp(locate(), `${file}-2`)).rejects.toMatchObject({ code: 'STATE_MISSING' });
    });
  });
}
