import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncryptionContext, Keyring } from '@holdfast/sdk/spi';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { describeKeyringContract } from './contract/keyring.ts';
import { encryptionMaterials } from './fixtures/materials.ts';

/** The very arrays that the random generator gave out. */
const drawn = vi.hoisted((): Uint8Array[] => []);
vi.mock(import('@holdfast/sdk/spi'), async (original) => {
  const spi = await original();
  const randomBytes = (length: number): Uint8Array => {
    const bytes = spi.randomBytes(length);
    drawn.push(bytes);
    return bytes;
  };
  return { ...spi, randomBytes };
});

/** What the example makes its keyring with. */
interface Example {
  readonly contextKeyring: (wrappingKeyOf: (context: EncryptionContext) => Promise<Uint8Array>) => Keyring;
}

// Inside the repository, so that imports lead where they lead for a user.
mkdirSync('node_modules/.cache', { recursive: true });
const folder = mkdtempSync('node_modules/.cache/keyring-');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { contextKeyring } = await exampleOf('packages/sdk/docs/examples.md');
const under = (byte: number): Keyring => contextKeyring(async () => new Uint8Array(32).fill(byte));

describeKeyringContract('the keyring that the examples of the SDK show', {
  generating: () => under(1),
  stranger: () => under(2),
});

describe('the keyring that the examples of the SDK show', () => {
  it('wipes a data key that it made and cannot wrap, and none that it was given', async () => {
    const keyring = contextKeyring(async () => new Uint8Array(5));
    const given = new Uint8Array(32).fill(7);
    drawn.length = 0;
    for (const materials of [encryptionMaterials(), { ...encryptionMaterials(), dataKey: given }]) {
      await expect(keyring.onEncrypt(materials)).rejects.toBeInstanceOf(RangeError);
    }
    expect(drawn).toEqual([new Uint8Array(32)]);
    expect(given).toEqual(new Uint8Array(32).fill(7));
  });
});

/** The part of the document's program that makes keyrings. */
async function exampleOf(document: string): Promise<Example> {
  const text = readFileSync(document, 'utf8');
  const [, program] =
    /^## A keyring of your own$[^]*?^```ts\n([^]*?^}\n)/m.exec(text) ?? expect.unreachable();
  const file = join(process.cwd(), folder, 'example.ts');
  writeFileSync(file, `${program}export { contextKeyring };\n`);
  return vi.importActual<Example>(file);
}
