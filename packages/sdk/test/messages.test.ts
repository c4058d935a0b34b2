import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../src/bytes.ts';
import { type AlgorithmSuiteId, encryptionClient, type MessageHeader } from '../src/index.ts';
import { suiteById } from '../src/suites.ts';
import { memoryKeyring, rejection } from './fixtures/memory-keyring.ts';

const suiteIds = [
  0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578,
] as const satisfies readonly AlgorithmSuiteId[];

const clientFor = (id: AlgorithmSuiteId) =>
  encryptionClient({
    commitmentPolicy: id < 0x0400 ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
  });

const plaintextOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7);

/** Cuts bytes at random places. */
const cuts = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 });
function* pieces(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let offset = 0;
  for (const length of lengths) {
    yield bytes.slice(offset, offset + length);
    offset += length;
  }
  yield bytes.slice(offset);
}

describe.each(suiteIds)('messages of suite %i', (suite) => {
  const client = clientFor(suite);

  it('open to what was put in, with the header that was written', async () => {
    const keyring = memoryKeyring(2);
    const plaintext = plaintextOf(100);
    const encryptionContext = { Tenant: '42', '\u{1f512}': 'ключ' };
    const sealed = await client.encrypt(plaintext, { keyring, suite, encryptionContext, frameLength: 16 });
    const opened = await client.decrypt(sealed.message, { keyring });
    expect(opened.plaintext).toEqual(plaintext);
    expect(opened.suite).toBe(suiteById(suite));
    expect(opened.header).toEqual(sealed.header);
    expect(opened.encryptionContext).toEqual(sealed.encryptionContext);
    expect(opened.encryptionContext).toMatchObject(encryptionContext);
  });

  it.each([0, 1, 15, 16, 17, 31, 32, 33])('hold %i bytes in frames of 16', async (length) => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintextOf(length), { keyring, suite, frameLength: 16 });
    const { plaintext } = await client.decrypt(message, { keyring });
    expect(plaintext).toEqual(plaintextOf(length));
  });

  it('do not depend on how the plaintext came in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), cuts, async (plaintext, lengths) => {
        const keyring = memoryKeyring();
        const encryptor = client.encryptor({ keyring, suite, frameLength: 16 });
        const parts: Uint8Array[] = [];
        for (const piece of pieces(plaintext, lengths)) {
          parts.push(...(await encryptor.update(piece)));
          piece.fill(0xee);
        }
        parts.push(...(await encryptor.final()));
        const opened = await client.decrypt(concat(parts), { keyring });
        expect(opened.plaintext).toEqual(plaintext);
      }),
      { numRuns: 20 },
    );
  });

  it('read the same in chunks as in one piece', async () => {
    const keyring = memoryKeyring();
    const plaintext = plaintextOf(100);
    const { message, header } = await client.encrypt(plaintext, { keyring, suite, frameLength: 16 });
    const read = async (chunks: Iterable<Uint8Array>) => {
      let header: MessageHeader | undefined;
      const decryptor = client.decryptor({ keyring, onHeader: (known) => void ({ header } = known) });
      const parts: Uint8Array[] = [];
      for (const chunk of chunks) {
        parts.push(...(await decryptor.update(chunk)));
        chunk.fill(0xee);
      }
      parts.push(...(await decryptor.final()));
      return { plaintext: concat(parts), header };
    };
    expect(await read(pieces(message, Array(message.length).fill(1)))).toEqual({ plaintext, header });
    await fc.assert(
      fc.asyncProperty(cuts, async (lengths) => {
        expect(await read(pieces(message, lengths))).toEqual({ plaintext, header });
      }),
      { numRuns: 10 },
    );
  });

  it('fail when cut short, changed in any byte, or followed by one', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintextOf(20), { keyring, suite, frameLength: 16 });
    for (let length = 0; length < message.length; length++) {
      expect(await rejection(client.decrypt(message.subarray(0, length), { keyring }))).toMatchObject({
        code: 'MESSAGE_INCOMPLETE',
      });
    }
    for (let i = 0; i < message.length; i++) {
      const changed = message.map((byte, j) => (i === j ? byte ^ 0x10 : byte));
      expect(await rejection(client.decrypt(changed, { keyring }))).toMatchObject({
        name: 'EncryptionSdkError',
      });
    }
    expect(await rejection(client.decrypt(concat([message, Uint8Array.of(0)]), { keyring }))).toMatchObject({
      code: 'MESSAGE_MALFORMED',
    });
  });
});

describe('a large frame length', () => {
  it('takes no memory for content that is not there', async () => {
    const keyring = memoryKeyring();
    const client = encryptionClient();
    const { message } = await client.encrypt(plaintextOf(4), { keyring, frameLength: 0xffff_ffff });
    expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintextOf(4));
  });
});

/** How often other work had its turn while this went on. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

describe('a long message', () => {
  it.each([0x0478, 0x0578] as const)(
    'of suite %i leaves room for other work of the process',
    async (suite) => {
      const keyring = memoryKeyring();
      const client = encryptionClient();
      const plaintext = Buffer.alloc(5_000_000, 'long');
      let message: Uint8Array = new Uint8Array(0);
      let opened: Uint8Array = message;
      const encrypting = async () => ({ message } = await client.encrypt(plaintext, { keyring, suite }));
      expect(await turnsDuring(encrypting)).toBeGreaterThanOrEqual(5);
      const decrypting = async () => ({ plaintext: opened } = await client.decrypt(message, { keyring }));
      expect(await turnsDuring(decrypting)).toBeGreaterThanOrEqual(5);
      expect(plaintext.equals(opened)).toBe(true);
    },
  );
});

describe('many short frames', () => {
  it('leave room for other work too', async () => {
    const options = { keyring: memoryKeyring(), suite: 0x0478, frameLength: 1 } as const;
    const encrypting = () => encryptionClient().encrypt(new Uint8Array(10_000), options);
    expect(await turnsDuring(encrypting)).toBeGreaterThan(20);
  });
});

describe('the frame length auto', () => {
  it.each([
    [100, 4096],
    [2 ** 16, 2 ** 16],
    [2 ** 24, 2 ** 20],
  ])('for %i bytes is %i', async (length, frameLength) => {
    const plaintext = new Uint8Array(length);
    const options = { keyring: memoryKeyring(), suite: 0x0478, frameLength: 'auto' } as const;
    expect((await encryptionClient().encrypt(plaintext, options)).header.frameLength).toBe(frameLength);
  });
});
