import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { writeNewDurably } from '../../../src/store/directory/durable-files.ts';
import { temporaryFolder } from '../../fixtures/state.ts';

// A file system without hard links takes a machine that may mount one.
vi.mock('node:fs/promises', { spy: true });
afterEach(() => void vi.mocked(files.link).mockReset());

const bytes = Uint8Array.of(1, 2, 3);

describe('a new file', () => {
  test('may have a name as long as the file system takes', async () => {
    const [folder, name] = [temporaryFolder(), 'a'.repeat(255)];
    await writeNewDurably(join(folder, name), bytes);
    expect(readdirSync(folder)).toEqual([name]);
  });

  describe.each(['EPERM', 'ENOTSUP', 'ENOSYS'])('where there are no hard links, by %s,', (code) => {
    const withoutLinks = () => {
      vi.mocked(files.link).mockRejectedValue(Object.assign(new Error(code), { code }));
      return temporaryFolder();
    };

    test('is written all the same', async () => {
      const folder = withoutLinks();
      await writeNewDurably(join(folder, 'new'), bytes);
      expect(readdirSync(folder)).toEqual(['new']);
      expect(readFileSync(join(folder, 'new'))).toEqual(Buffer.from(bytes));
    });

    test('takes the place of no other', async () => {
      const folder = withoutLinks();
      writeFileSync(join(folder, 'new'), 'there');
      await expect(writeNewDurably(join(folder, 'new'), bytes)).rejects.toMatchObject({ code: 'EEXIST' });
      expect(readdirSync(folder)).toEqual(['new']);
      expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('there');
    });

    test('is not left behind when it cannot be written to its end', async () => {
      const folder = withoutLinks();
      vi.mocked(files.link).mockImplementationOnce(async () => {
        const { open: opened } = await vi.importActual<typeof files>('node:fs/promises');
        vi.mocked(files.open).mockImplementationOnce(async (...args) => {
          const file = await opened(...args);
          vi.spyOn(file, 'sync').mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }));
          return file;
        });
        throw Object.assign(new Error(code), { code });
      });
      await expect(writeNewDurably(join(folder, 'new'), bytes)).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});
