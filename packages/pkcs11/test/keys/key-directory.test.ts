import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AES_KEY } from '../../src/keys/aes-objects.ts';
import { keyDirectory } from '../../src/keys/key-directory.ts';
import { destroyKeys, importAesKey } from '../../src/testing.ts';
import { describeWithEachToken } from '../fixtures/with-token.ts';

describeWithEachToken('a directory of many keys', (context) => {
  const labels = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const value = new Uint8Array(32).fill(1);
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  function directoryOfMany() {
    const { open, raw, slot, temporary } = context();
    for (const label of labels) destroyKeys(temporary, { label });
    for (const label of labels) importAesKey(temporary, { label, value });
    const token = open();
    const handle = raw.C_OpenSession(slot, 4);
    const directory = keyDirectory(raw, AES_KEY);
    const search = raw.C_FindObjectsInit.bind(raw);
    const read = raw.C_GetAttributeValue.bind(raw);
    const searches = vi.spyOn(raw, 'C_FindObjectsInit');
    const labelOf = (key: Buffer | undefined) =>
      key && raw.C_GetAttributeValue(handle, key, [{ type: 0x3 }])[0]?.value.toString();
    const rename = (from: string, to: string) => {
      const session = raw.C_OpenSession(slot, 6);
      raw.C_FindObjectsInit(session, [{ type: 0x3, value: from }]);
      const [key = Buffer.alloc(8)] = raw.C_FindObjects(session, 1);
      raw.C_FindObjectsFinal(session);
      raw.C_SetAttributeValue(session, key, [{ type: 0x3, value: to }]);
      raw.C_CloseSession(session);
      searches.mockClear();
    };
    const reads = vi.spyOn(raw, 'C_GetAttributeValue');
    return {
      /** Lets the token take so many milliseconds from now on. */
      slowDown: (times: { readonly searchMs: number; readonly readMs: number }) => {
        searches.mockImplementation((...parameters) => {
          vi.advanceTimersByTime(times.searchMs);
          search(...parameters);
        });
        reads.mockImplementation((...parameters) => {
          vi.advanceTimersByTime(times.readMs);
          return read(...parameters);
        });
      },
      /** Fails each reading of a key that `fails` returns a value for. */
      failReads: (fails: (label: string | undefined, types: readonly number[]) => number | undefined) => {
        reads.mockImplementation((session, key, template) => {
          const [label] = read(session, key, [{ type: 0x3 }]);
          const code = fails(
            label?.value.toString(),
            template.map(({ type }) => type),
          );
          if (code !== undefined) throw Object.assign(new Error('CKR_FAILED'), { code });
          return read(session, key, template);
        });
      },
      temporary,
      rename,
      /** Returns how many keys are read for a lookup. */
      readsFor: (label: string) => {
        reads.mockClear();
        const found = directory.find({ handle, epoch: 0 }, { label }, { fresh: false });
        expect(found).toHaveLength(1);
        return reads.mock.calls.length;
      },
      /** Returns how many keys are read for a lookup while each read fails. */
      failingReadsFor: (label: string) => {
        reads.mockClear();
        reads.mockImplementation(() => {
          throw new Error('gone');
        });
        directory.find({ handle, epoch: 0 }, { label }, { fresh: false });
        const { length } = reads.mock.calls;
        reads.mockRestore();
        return length;
      },
      find: (label: string, { fresh = false, epoch = 0 } = {}) =>
        directory.find({ handle, epoch }, { label }, { fresh }).map(labelOf),
      /** Returns how many searches the token made since the last call. */
      searches: () => {
        const count = searches.mock.calls.length;
        searches.mockClear();
        return count;
      },
      close: () => {
        raw.C_CloseSession(handle);
        token.close();
      },
    };
  }

  it('searches the token for the first eight, and once for all others', () => {
    const { find, searches, close } = directoryOfMany();
    for (const label of labels) expect(find(label)).toEqual([label]);
    expect(searches()).toBe(9);
    for (const label of labels) expect(find(label)).toEqual([label]);
    expect(searches()).toBe(0);
    expect(find('key-3', { fresh: true })).toEqual(['key-3']);
    expect(searches()).toBe(1);
    for (const label of labels) expect(find(label, { epoch: 1 })).toEqual([label]);
    expect(searches()).toBe(9);
    close();
  });

  it('sees at once what came, went and was replaced, and within ten seconds that a label is there twice', () => {
    const { find, temporary, close } = directoryOfMany();
    for (const label of labels) find(label);
    importAesKey(temporary, { label: 'late', value });
    expect(find('late')).toEqual(['late']);
    destroyKeys(temporary, { label: 'late' });
    expect(find('late')).toEqual([]);
    destroyKeys(temporary, { label: 'key-15' });
    expect(find('key-15')).toEqual([]);
    importAesKey(temporary, { label: 'key-15', value });
    expect(find('key-15')).toEqual(['key-15']);
    importAesKey(temporary, { label: 'key-16', value });
    vi.advanceTimersByTime(10_001);
    for (const label of labels) if (label !== 'key-16') expect(find(label)).toEqual([label]);
    expect(find('key-16')).toEqual(['key-16', 'key-16']);
    close();
  });

  it('does not take a key for another that has got its label', () => {
    const { find, rename, temporary, close } = directoryOfMany();
    for (const label of labels) find(label);
    rename('key-7', 'renamed');
    expect(find('key-7')).toEqual([]);
    expect(find('renamed')).toEqual(['renamed']);
    destroyKeys(temporary, { label: 'renamed' });
    close();
  });

  it('sees within a minute that a key was given the label of another', () => {
    const { find, rename, temporary, close } = directoryOfMany();
    for (const label of labels) find(label);
    rename('key-19', 'key-0');
    vi.advanceTimersByTime(60_001);
    // It is read again when the list is consulted, and not the token.
    for (const label of labels.slice(1, -1)) expect(find(label)).toEqual([label]);
    expect(find('key-0')).toEqual(['key-0', 'key-0']);
    destroyKeys(temporary, { label: 'key-0' });
    close();
  });

  it('reads no more than four other keys for a lookup, however many there are, and each anew after half a minute', () => {
    const { find, readsFor, searches, temporary, close } = directoryOfMany();
    const others = Array.from({ length: 50 }, (_, index) => `other-${index}`);
    for (const label of others) importAesKey(temporary, { label, value });
    for (const label of labels) find(label);
    const reads = () => labels.map((label) => readsFor(label));
    vi.advanceTimersByTime(30_001);
    const counts = [...reads(), ...reads()];
    expect(Math.max(...counts)).toBe(5);
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(70);
    expect(reads()).toEqual(labels.map(() => 1));
    searches();
    // After a pause no entry of the list is used, until all of them were read again.
    vi.advanceTimersByTime(60_001);
    expect(Math.max(...reads(), ...reads())).toBe(4);
    expect(searches()).toBe(8 + 1 + 17);
    for (const label of others) destroyKeys(temporary, { label });
    close();
  });

  it('reads no further where a read fails, as all do when the token is gone', () => {
    const { find, failingReadsFor, close } = directoryOfMany();
    for (const label of labels) find(label);
    vi.advanceTimersByTime(30_001);
    for (const label of labels.slice(0, 9)) find(label);
    // One of the entries that are due: without it the list is not used.
    expect(failingReadsFor('key-10')).toBe(1);
    close();
  });

  it('reads a long list a little at a time, and in no more time than the searches take', () => {
    const { find, searches, slowDown, temporary, close } = directoryOfMany();
    const others = Array.from({ length: 60 }, (_, index) => `other-${index}`);
    for (const label of others) importAesKey(temporary, { label, value });
    slowDown({ searchMs: 5, readMs: 2 });
    const lookups = Array.from({ length: 60 }, (_, index) => {
      const startedAtMs = performance.now();
      const label = labels[index % labels.length] ?? expect.unreachable();
      expect(find(label)).toEqual([label]);
      return { searches: searches(), ms: performance.now() - startedAtMs };
    });
    // A search for the list, the reading, a search for the key, and the reading of its label in this test.
    expect(Math.max(...lookups.map(({ ms }) => ms))).toBeLessThanOrEqual(5 + 25 + 2 + 5 + 2);
    const searchingMs = lookups.reduce((sum, { searches: made }) => sum + made * 5, 0);
    const totalMs = lookups.reduce((sum, { ms }) => sum + ms, 0);
    expect(totalMs).toBeLessThanOrEqual(2 * searchingMs + lookups.length * (2 + 2));
    expect(lookups.filter((lookup) => lookup.searches > 0).length).toBeLessThan(45);
    expect(lookups.slice(45).map((lookup) => lookup.searches)).toEqual(lookups.slice(45).map(() => 0));
    for (const label of others) destroyKeys(temporary, { label });
    close();
  });

  it('lists keys of which the token refuses an attribute, and finds them by what it tells', () => {
    const { find, failReads, searches, close } = directoryOfMany();
    const CKA_ID = 0x102;
    failReads((label, types) =>
      label === 'key-19' && types.includes(CKA_ID) ? CKR_ATTRIBUTE_TYPE_INVALID : undefined,
    );
    for (const label of labels) expect(find(label)).toEqual([label]);
    expect(searches()).toBe(9);
    close();
  });

  it('uses no list without a key that cannot be read now, as it may have the label of another', () => {
    const { find, failReads, searches, temporary, close } = directoryOfMany();
    importAesKey(temporary, { label: 'unreadable', value });
    failReads((label, types) => (label === 'unreadable' && types.length > 1 ? CKR_DEVICE_ERROR : undefined));
    for (const label of labels) expect(find(label)).toEqual([label]);
    expect(searches()).toBe(21);
    failReads(() => undefined);
    for (const label of labels) expect(find(label)).toEqual([label]);
    expect(searches()).toBe(0);
    destroyKeys(temporary, { label: 'unreadable' });
    close();
  });

  it('misses no second key with a label because one of the two could not be read again for once', () => {
    const { find, failReads, rename, temporary, close } = directoryOfMany();
    rename('key-7', 'key-8');
    for (const label of labels) find(label);
    expect(find('key-8')).toEqual(['key-8', 'key-8']);
    let left = 1;
    failReads((label, types) =>
      label === 'key-8' && types.length > 1 && left-- > 0 ? CKR_DEVICE_ERROR : undefined,
    );
    vi.advanceTimersByTime(30_001);
    for (const label of [...labels, ...labels]) find(label);
    expect(left).toBeLessThan(1);
    expect(find('key-8')).toEqual(['key-8', 'key-8']);
    destroyKeys(temporary, { label: 'key-8' });
    close();
  });

  it('goes on without a key that is destroyed before it is read', () => {
    const { find, failReads, searches, close } = directoryOfMany();
    let isGone = true;
    failReads((label, types) => {
      if (label !== 'key-3' || types.length === 1 || !isGone) return undefined;
      isGone = false;
      return CKR_OBJECT_HANDLE_INVALID;
    });
    for (const label of labels) expect(find(label)).toEqual([label]);
    expect(searches()).toBe(10);
    close();
  });
});

const CKR_ATTRIBUTE_TYPE_INVALID = 0x12;
const CKR_DEVICE_ERROR = 0x30;
const CKR_OBJECT_HANDLE_INVALID = 0x82;
