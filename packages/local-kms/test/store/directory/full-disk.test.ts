import { readdirSync } from 'node:fs';
import * as files from 'node:fs/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { directoryStore } from '../../../src/store/directory/directory-store.ts';
import { temporaryFolder } from '../../fixtures/state.ts';

// A disk that is full takes a machine that may mount one.
vi.mock('node:fs/promises', { spy: true });
afterEach(() => {
  vi.mocked(files.open).mockReset();
  vi.mocked(files.rename).mockReset();
});

const { open: opened } = await vi.importActual<typeof files>('node:fs/promises');
const change = (value: number) => [{ name: 'key/x/a', body: Buffer.alloc(100, value) }];
const full = () => Object.assign(new Error('full'), { code: 'ENOSPC' });

/** Has no room for drafts, as long as it says so. */
function fillDisk(failing: 'open' | 'writeFile' | 'sync') {
  const disk = { isFull: true, drafts: 0 };
  vi.mocked(files.open).mockImplementation(async (...args) => {
    const isDraft = String(args[0]).endsWith('.draft');
    if (isDraft) disk.drafts += 1;
    if (!isDraft || !disk.isFull) return opened(...args);
    if (failing === 'open') throw full();
    const file = await opened(...args);
    vi.spyOn(file, failing).mockRejectedValue(full());
    return file;
  });
  return disk;
}

async function begun() {
  const folder = temporaryFolder();
  const location = directoryStore(folder, { maxLogBytes: 0 });
  const store = await location.open();
  await store.begin({ header: '', version: 0, records: [] });
  return { folder, location, store };
}

test.each(['open', 'writeFile', 'sync'] as const)(
  'a commit is kept although there is no room for a new snapshot: %s',
  async (failing) => {
    const { folder, location, store } = await begun();
    const disk = fillDisk(failing);
    for (let version = 1; version <= 20; version += 1) await store.commit(version, change(version));
    expect(readdirSync(folder).sort()).toEqual(['lock', 'state-1.log']);
    // Each time after the log has grown by half, not with every commit.
    expect(disk.drafts).toBeGreaterThan(1);
    expect(disk.drafts).toBeLessThan(12);
    expect(await location.read()).toMatchObject({ version: 20 });
    disk.isFull = false;
    for (let version = 21; version <= 40; version += 1) await store.commit(version, change(version));
    expect(readdirSync(folder)).not.toContain('state-1.log');
    await store.close();
    expect(await location.read()).toMatchObject({ version: 40, records: [{ body: Buffer.alloc(100, 40) }] });
  },
);

test('a new log that may have taken the place of the last one is gone on with, or else none is', async () => {
  const { location, store } = await begun();
  vi.mocked(files.rename).mockRejectedValue(full());
  await expect(store.commit(1, change(1))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await store.close();
  vi.mocked(files.rename).mockReset();
  const next = await location.open();
  expect(await next.read()).toMatchObject({ version: 1 });
  await next.commit(2, change(2));
  await next.close();
});

test('a log that cannot be read for a snapshot is no want of room', async () => {
  const { folder, location, store } = await begun();
  vi.mocked(files.readFile).mockRejectedValueOnce(Object.assign(new Error('broken'), { code: 'EIO' }));
  await expect(store.commit(1, change(1))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await store.close();
  expect(readdirSync(folder)).toEqual(['state-1.log']);
  expect(await location.read()).toMatchObject({ version: 1 });
});
