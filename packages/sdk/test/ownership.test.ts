import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../src/bytes.ts';
import { type AlgorithmSuiteId, encryptionClient, iterate } from '../src/index.ts';
import { memoryKeyring } from './memory-keyring.ts';

const keyring = memoryKeyring();
const plaintext = Uint8Array.from({ length: 200_000 }, (_, i) => i * 7);

function clientFor(suite: AlgorithmSuiteId) {
  const commitmentPolicy =
    suite < 0x0400 ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT';
  return encryptionClient({ commitmentPolicy });
}

/** As `postMessage` does with an array for another thread: here, it has no bytes any more. */
function handOver({ buffer }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('expected a buffer of one thread');
  structuredClone(buffer, { transfer: [buffer] });
}

describe('what comes out', () => {
  it.each([0x0014, 0x0178, 0x0478, 0x0578] as const)(
    'of empty messages of suite %i may be handed over to a thread, and others are not the worse for it',
    async (suite) => {
      const client = clientFor(suite);
      for (let round = 0; round < 2; round++) {
        const { message, header } = await client.encrypt(new Uint8Array(0), { keyring, suite });
        const opened = await client.decrypt(message, { keyring });
        expect(opened.plaintext).toHaveLength(0);
        for (const bytes of [opened.plaintext, opened.header.commitKey, header.commitKey]) handOver(bytes);
        handOver(message);
      }
    },
  );

  it.each([1000, 2 ** 14, 2 ** 16])(
    'of streams with frames of %i bytes shares no memory, so that each part may be handed over',
    async (frameLength) => {
      const client = encryptionClient();
      for (const suite of [0x0478, 0x0578] as const) {
        const message: Uint8Array[] = [];
        for await (const part of iterate(client.encryptor({ keyring, suite, frameLength }), [plaintext])) {
          message.push(part.slice());
          handOver(part);
        }
        const opened: Uint8Array[] = [];
        for await (const part of iterate(client.decryptor({ keyring }), message)) {
          opened.push(part.slice());
          handOver(part);
        }
        expect(Buffer.compare(concat(opened), plaintext)).toBe(0);
      }
    },
  );

  it('in one piece has a buffer of its own length, so that it may be stored by that', async () => {
    const client = encryptionClient();
    const lengths = fc.integer({ min: 0, max: 5000 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 6000 }), async (length, frameLength) => {
        for (const suite of [0x0478, 0x0578] as const) {
          const options = { keyring, suite, frameLength };
          const { message } = await client.encrypt(plaintext.subarray(0, length), options);
          const opened = await client.decrypt(message, { keyring });
          expect(opened.plaintext.buffer.byteLength).toBe(length);
          if (suite === 0x0478) expect(message.buffer.byteLength).toBe(message.length);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('what goes in', () => {
  it('fails when it is handed over to a thread before it was all read, and is not taken for shorter', async () => {
    const chunk = new Uint8Array(2 ** 24);
    const encryptor = encryptionClient().encryptor({ keyring, frameLength: 2 ** 20 });
    await encryptor.update(new Uint8Array(1));
    const update = encryptor.update(chunk);
    handOver(chunk);
    await expect(update).rejects.toBeInstanceOf(TypeError);
  });
});

describe('onHeader', () => {
  it('may write to what it is shown', async () => {
    const client = encryptionClient();
    const onHeader = ({ header }: { readonly header: { readonly messageId: Uint8Array } }): void => {
      header.messageId.fill(0);
    };
    const message: Uint8Array[] = [];
    for await (const part of iterate(client.encryptor({ keyring, onHeader }), [plaintext]))
      message.push(part);
    const opened: Uint8Array[] = [];
    for await (const part of iterate(client.decryptor({ keyring, onHeader }), message)) opened.push(part);
    expect(Buffer.compare(concat(opened), plaintext)).toBe(0);
  });
});

describe('a transformation that is given up', () => {
  it('takes nothing any more', async () => {
    const client = encryptionClient();
    for (const transform of [client.encryptor({ keyring }), client.decryptor({ keyring })]) {
      transform.abort();
      transform.abort();
      await expect(transform.update(plaintext)).rejects.toBeInstanceOf(TypeError);
      await expect(transform.final()).rejects.toBeInstanceOf(TypeError);
    }
  });

  it('answers nothing of the call that was under way', async () => {
    const encryptor = encryptionClient().encryptor({ keyring });
    const update = encryptor.update(plaintext);
    encryptor.abort();
    await expect(update).rejects.toBeInstanceOf(TypeError);
    await expect(encryptor.final()).rejects.toBeInstanceOf(TypeError);
  });

  it('is that of an iteration that nobody finishes', async () => {
    const encryptor = encryptionClient().encryptor({ keyring });
    for await (const part of iterate(encryptor, [plaintext])) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    await expect(encryptor.final()).rejects.toBeInstanceOf(TypeError);
  });
});
