import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { concat } from '../src/bytes.ts';
import { type ChunkTransform, decryptionClient, EncryptionSdkError, encryptionClient } from '../src/index.ts';
import { startFrameWorkers } from '../src/workers.ts';
import { memoryKeyring, rejection } from './fixtures/memory-keyring.ts';

const workers = startFrameWorkers({ count: 2 });
afterAll(() => workers.close());

const client = encryptionClient();
const long = Buffer.alloc(1_500_001, 'frames of a message ');
const unsafe = { signedMessages: 'unsafeReleaseBeforeSignature' } as const;

/** All that comes out for chunks of a length, each of which is used for something else afterwards. */
async function through(
  transform: ChunkTransform,
  bytes: Uint8Array,
  chunkLength: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += chunkLength) {
    const chunk = Uint8Array.from(bytes.subarray(start, start + chunkLength));
    parts.push(...(await transform.update(chunk)));
    chunk.fill(0xee);
  }
  parts.push(...(await transform.final()));
  return concat(parts);
}

function codeOf(error: unknown): unknown {
  return error instanceof EncryptionSdkError ? error.code : error;
}

describe.each([0x0478, 0x0578, 0x0178] as const)('with threads, messages of suite %i', (suite) => {
  const anyPolicy = encryptionClient({ commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT' });
  const own = suite === 0x0178 ? anyPolicy : client;

  it.each([
    [0, 4096],
    [1, 4096],
    [65_536, 4096],
    [262_144, 4096],
    [262_145, 4096],
    [long.length, 4096],
    [long.length, 100_000],
    [long.length, 1_000_000],
    [5000, 7],
  ])('are written and read: %i bytes in frames of %i', async (length, frameLength) => {
    const keyring = memoryKeyring();
    const plaintext = long.subarray(0, length);
    for (const chunkLength of [65_536, 1_000_003, 777_777]) {
      const encryptor = workers.encryptor(own, { keyring, suite, frameLength });
      const message = await through(encryptor, plaintext, chunkLength);
      const opened = await own.decrypt(message, { keyring });
      expect(plaintext.equals(opened.plaintext)).toBe(true);
      expect(opened.header.frameLength).toBe(frameLength);
      for (const options of [unsafe, {}]) {
        const read = await through(workers.decryptor(own, { keyring, ...options }), message, chunkLength);
        expect(plaintext.equals(read)).toBe(true);
      }
    }
  });

  it('are read in chunks of a few bytes', async () => {
    const keyring = memoryKeyring();
    const plaintext = long.subarray(0, 40_000);
    const { message } = await own.encrypt(plaintext, { keyring, suite, frameLength: 100 });
    expect(plaintext.equals(await through(workers.decryptor(own, { keyring }), message, 11))).toBe(true);
  });
});

describe('with threads, a message', () => {
  const changed = async (at: (length: number) => number) => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(long, { keyring, suite: 0x0478 });
    const offset = at(message.length);
    message[offset] = (message[offset] ?? 0) ^ 1;
    const decryptor = workers.decryptor(client, { keyring });
    const released: Uint8Array[] = [];
    let error: unknown;
    try {
      for (let start = 0; start < message.length; start += 65_536) {
        released.push(...(await decryptor.update(message.subarray(start, start + 65_536))));
      }
      released.push(...(await decryptor.final()));
    } catch (thrown) {
      error = thrown;
    }
    return { released: concat(released), error };
  };

  it.each([0.2, 0.5, 0.9, 0.9999])(
    'that was changed at %d of its length fails, and what came out before is right',
    async (share) => {
      const { released, error } = await changed((length) => Math.floor(share * length));
      expect(['DECRYPTION_FAILED', 'MESSAGE_MALFORMED']).toContain(codeOf(error));
      expect(released.length).toBeLessThan(share * long.length + 4096);
      expect(long.subarray(0, released.length).equals(released)).toBe(true);
    },
  );

  it('whose frames are swapped fails', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(long, { keyring, suite: 0x0478 });
    const stride = 4096 + 32;
    const start = message.length - 300 * stride;
    const first = message.slice(start, start + stride);
    message.copyWithin(start, start + stride, start + 2 * stride);
    message.set(first, start + stride);
    const error = await rejection(through(workers.decryptor(client, { keyring }), message, 65_536));
    expect(['DECRYPTION_FAILED', 'MESSAGE_MALFORMED']).toContain(codeOf(error));
  });

  it('that ends early is incomplete, and one that goes on is malformed', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(long, { keyring, suite: 0x0478 });
    for (const length of [0, 100, 70_000, 800_000, message.length - 1]) {
      const cut = through(workers.decryptor(client, { keyring }), message.subarray(0, length), 65_536);
      expect(await rejection(cut)).toMatchObject({ code: 'MESSAGE_INCOMPLETE' });
    }
    const more = concat([message, Uint8Array.of(0)]);
    expect(await rejection(through(workers.decryptor(client, { keyring }), more, 65_536))).toMatchObject({
      code: 'MESSAGE_MALFORMED',
    });
  });

  it('with a wrong signature releases nothing unless it is asked to, and then not the end', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(long, { keyring, suite: 0x0578 });
    message[message.length - 1] = (message.at(-1) ?? 0) ^ 1;
    for (const [options, least] of [
      [{}, 0],
      [unsafe, 1],
    ] as const) {
      const decryptor = workers.decryptor(client, { keyring, ...options });
      const released = concat(await decryptor.update(message.subarray(0, -1)));
      expect(released.length).toBeGreaterThanOrEqual(least);
      expect(released.length).toBeLessThan(least === 0 ? 1 : long.length);
      expect(await rejection(decryptor.update(message.subarray(-1)))).toMatchObject({
        code: 'DECRYPTION_FAILED',
      });
    }
  });

  it('has company: several are written at a time', async () => {
    const keyring = memoryKeyring();
    const messages = await Promise.all(
      [1, 2, 3, 4, 5].map((i) =>
        through(workers.encryptor(client, { keyring, suite: 0x0478 }), long.subarray(i), 65_536),
      ),
    );
    for (const [i, message] of messages.entries()) {
      const { plaintext } = await client.decrypt(message, { keyring });
      expect(long.subarray(i + 1).equals(plaintext)).toBe(true);
    }
  });
});

describe('with threads, a chunk', () => {
  const begun = async () => {
    const encryptor = workers.encryptor(client, { keyring: memoryKeyring() });
    await encryptor.update(long.subarray(0, 1000));
    return encryptor;
  };

  it.each([
    ['first', () => Promise.resolve(workers.encryptor(client, { keyring: memoryKeyring() }))],
    ['second', begun],
  ])('that comes %s and is handed over meanwhile fails, and is not taken for shorter', async (_, start) => {
    const encryptor = await start();
    const chunk = new Uint8Array(1000);
    const update = encryptor.update(chunk);
    structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
    await expect(update).rejects.toBeInstanceOf(TypeError);
    await expect((await start()).update(chunk)).rejects.toBeInstanceOf(TypeError);
  });
});

describe('with threads, the application', () => {
  it('may write to the header that it is shown', async () => {
    const keyring = memoryKeyring();
    const onHeader = ({ header }: { readonly header: { readonly messageId: Uint8Array } }): void => {
      const { buffer } = header.messageId.fill(0);
      if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
    };
    const message = await through(workers.encryptor(client, { keyring, onHeader }), long, 65_536);
    const opened = await through(workers.decryptor(client, { keyring, onHeader }), message, 65_536);
    expect(long.equals(opened)).toBe(true);
  });

  it('gets no other policy than that of the client, and none for a client that tells none', async () => {
    const commitmentPolicy = 'FORBID_ENCRYPT_ALLOW_DECRYPT';
    const lenient = encryptionClient({ commitmentPolicy });
    const generous = encryptionClient({ maxEncryptedDataKeys: Infinity });
    for (const [writer, suite, keys, code] of [
      [lenient, 0x0378, 1, 'COMMITMENT_POLICY_VIOLATED'],
      [generous, 0x0478, 65, 'TOO_MANY_ENCRYPTED_DATA_KEYS'],
    ] as const) {
      const keyring = memoryKeyring(keys);
      const { message } = await writer.encrypt(long.subarray(0, 100), { keyring, suite });
      const reading = workers.decryptor(client, { keyring }).update(message);
      expect(await rejection(reading)).toMatchObject({ code });
      const { commitmentPolicy: _, maxEncryptedDataKeys: __, ...silent } = writer;
      // @ts-expect-error a caller without types
      expect(() => workers.decryptor(silent, { keyring })).toThrow(TypeError);
    }
    for (const own of [client, decryptionClient()]) {
      expect(() => Object.assign(own, { commitmentPolicy })).toThrow(TypeError);
    }
  });
});

describe('frame workers', () => {
  it('that are closed fail the messages that they have a part of, and those that come', async () => {
    const closed = startFrameWorkers({ count: 1 });
    const encryptor = closed.encryptor(client, { keyring: memoryKeyring(), suite: 0x0478 });
    await encryptor.update(long.subarray(0, 600_000));
    await closed.close();
    expect(await rejection(encryptor.final())).toMatchObject({ code: 'WORKERS_FAILED' });
    const another = closed.encryptor(client, { keyring: memoryKeyring(), suite: 0x0478 });
    expect(await rejection(through(another, long, 65_536))).toMatchObject({ code: 'WORKERS_FAILED' });
    await closed.close();
  });

  it('get nothing of suites without key derivation, whose content key is the data key', async () => {
    const closed = startFrameWorkers({ count: 1 });
    await closed.close();
    const keyring = memoryKeyring();
    const anyPolicy = encryptionClient({ commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT' });
    const encryptor = closed.encryptor(anyPolicy, { keyring, suite: 0x0078 });
    const message = await through(encryptor, long, 65_536);
    const opened = await through(closed.decryptor(anyPolicy, { keyring }), message, 65_536);
    expect(long.equals(opened)).toBe(true);
  });

  it.each([
    ['--max-old-space-size=300', '--input-type=module'],
    ['--input-type', 'module'],
  ])('start in a program that is a text, below %s %s', async (...options) => {
    const { stdout } = await promisify(execFile)(process.execPath, [...options, '-e', TEXT]);
    expect(stdout).toBe('written\n');
  });

  it.each(['esm', 'cjs'] as const)(
    'say that they cannot be bundled, in a bundle of format %s',
    async (format) => {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-bundle-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const outfile = join(folder, format === 'esm' ? 'program.mjs' : 'program.cjs');
      const [imports = '', program = ''] = TEXT.split('\n\n');
      await build({
        stdin: {
          contents: `${imports}(async () => {${program}})().catch(({ code, message }) => console.log(code, message));`,
          resolveDir: import.meta.dirname,
        },
        outfile,
        format,
        bundle: true,
        platform: 'node',
        conditions: ['@holdfast/source'],
        logLevel: 'error',
      });
      const { stdout } = await promisify(execFile)(process.execPath, [outfile]);
      expect(stdout).toMatch(/^WORKERS_FAILED .*external/);
    },
  );

  it('are disposed of', async () => {
    const disposed = startFrameWorkers();
    const keyring = memoryKeyring();
    const message = await through(disposed.encryptor(client, { keyring }), long, 65_536);
    await disposed[Symbol.asyncDispose]();
    expect(long.equals((await client.decrypt(message, { keyring })).plaintext)).toBe(true);
  });

  it.each([0, 1.5, -1, 1025, Number.NaN])('are not %d', (count) => {
    expect(() => startFrameWorkers({ count })).toThrow(RangeError);
  });
});

/** Writes a message with a thread, under a data key that no keyring wraps, and tells that it did. */
const TEXT = `
import { encryptionClient, iterate } from '@holdfast/sdk';
import { startFrameWorkers } from '@holdfast/sdk/workers';

const encryptedDataKeys = [{ providerId: 'none', providerInfo: new Uint8Array(0), ciphertext: new Uint8Array(1) }];
const dataKey = new Uint8Array(32).fill(1);
const keyring = { onEncrypt: async (materials) => ({ ...materials, dataKey, encryptedDataKeys }) };
const workers = startFrameWorkers({ count: 1 });
const encryptor = workers.encryptor(encryptionClient(), { keyring, suite: 0x0478, frameLength: 100_000 });
let length = 0;
for await (const part of iterate(encryptor, [new Uint8Array(300_000)])) length += part.length;
await workers.close();
if (length > 300_000) console.log('written');
`;
