import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AES_KEY } from '../src/aes-keys.ts';
import { keyDirectory } from '../src/key-directory.ts';
import { destroyKeys, importKey } from '../src/testing.ts';
import { describeWithEachToken } from './with-token.ts';

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
    for (const label of labels) importKey(temporary, { label, value });
    const token = open();
    const handle = raw.C_OpenSession(slot, 4);
    const directory = keyDirectory(raw, AES_KEY);
    const searches = vi.spyOn(raw, 'C_FindObjectsInit');
    const labelOf = (key: Buffer | undefined) =>
      key && raw.C_GetAttributeValue(handle, key, [{ type: 0x3 }])[0]?.value.toString();
    return {
      temporary,
      find: (label: string, { fresh = false, epoch = 0 } = {}) =>
        directory.find({ handle, epoch }, { label }, { fresh }).map(labelOf),
      /** Searches of the token since the last call. */
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
    importKey(temporary, { label: 'late', value });
    expect(find('late')).toEqual(['late']);
    destroyKeys(temporary, { label: 'late' });
    expect(find('late')).toEqual([]);
    destroyKeys(temporary, { label: 'key-15' });
    expect(find('key-15')).toEqual([]);
    importKey(temporary, { label: 'key-15', value });
    expect(find('key-15')).toEqual(['key-15']);
    importKey(temporary, { label: 'key-16', value });
    vi.advanceTimersByTime(10_001);
    for (const label of labels) if (label !== 'key-16') expect(find(label)).toEqual([label]);
    expect(find('key-16')).toEqual(['key-16', 'key-16']);
    close();
  });

  it('does not take a key for another that has got its label', () => {
    const { find, temporary, close } = directoryOfMany();
    for (const label of labels) find(label);
    const { raw, slot } = context();
    const session = raw.C_OpenSession(slot, 6);
    raw.C_FindObjectsInit(session, [{ type: 0x3, value: 'key-7' }]);
    const [key = Buffer.alloc(8)] = raw.C_FindObjects(session, 1);
    raw.C_FindObjectsFinal(session);
    raw.C_SetAttributeValue(session, key, [{ type: 0x3, value: 'renamed' }]);
    raw.C_CloseSession(session);
    expect(find('key-7')).toEqual([]);
    expect(find('renamed')).toEqual(['renamed']);
    destroyKeys(temporary, { label: 'renamed' });
    close();
  });
});
