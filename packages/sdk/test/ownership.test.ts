import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, isBytes } from '../src/bytes.ts';
import {
  type AlgorithmSuiteId,
  type ChunkTransform,
  encryptionClient,
  iterate,
  type MessageHeader,
  transformStream,
} from '../src/index.ts';
import { duplex } from '../src/node.ts';
import { memoryKeyring, rejection, unboundKeyring } from './fixtures/memory-keyring.ts';
import { resizable } from './fixtures/resizable.ts';

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

/** The ways to run a chunk through a stream. */
const STREAMS = {
  async iterate(transform: ChunkTransform, chunk: Uint8Array) {
    for await (const part of iterate(transform, [chunk])) expect(part.length).toBeGreaterThan(0);
  },
  'a Web stream': (transform: ChunkTransform, chunk: Uint8Array) =>
    ReadableStream.from([chunk]).pipeThrough(transformStream(transform)).pipeTo(new WritableStream()),
  'a Node stream': (transform: ChunkTransform, chunk: Uint8Array) =>
    pipeline([chunk], duplex(transform), async (parts: AsyncIterable<Uint8Array>) => {
      for await (const part of parts) expect(part.length).toBeGreaterThan(0);
    }),
};

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

  it('is memory of one thread by its type too, which is what functions of browsers take', async () => {
    const client = encryptionClient();
    const { message } = await client.encrypt(plaintext, { keyring });
    const opened = await client.decrypt(message, { keyring });
    const parts = [message, opened.plaintext];
    for await (const part of iterate(client.encryptor({ keyring }), [plaintext])) parts.push(part);
    const stream = ReadableStream.from([message]).pipeThrough(transformStream(client.decryptor({ keyring })));
    for await (const part of stream) parts.push(part);
    const buffers: ArrayBuffer[] = parts.map(({ buffer }) => buffer);
    expect(buffers.map(({ constructor }) => constructor)).toEqual(buffers.map(() => ArrayBuffer));
  });

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

  it.each([4096, 2 ** 17, 2 ** 22])(
    'fails when it is made shorter, in frames of %i bytes',
    async (frameLength) => {
      const client = encryptionClient();
      const options = { keyring, suite: 0x0478, frameLength } as const;
      const [first, second] = [client.encryptor(options), client.encryptor(options)];
      await second.update(new Uint8Array(1));
      for (const take of [
        (bytes: Uint8Array) => client.encrypt(bytes, options),
        (bytes: Uint8Array) => first.update(bytes),
        (bytes: Uint8Array) => second.update(bytes),
      ]) {
        const { buffer, empty } = resizable(2 ** 22);
        const taken = take(new Uint8Array(buffer));
        empty();
        await expect(taken).rejects.toBeInstanceOf(TypeError);
      }
    },
  );

  it.each(Object.entries(STREAMS))(
    'fails when it is made shorter while it goes through %s',
    async (_, run) => {
      const { buffer, empty } = resizable(3 * 2 ** 20);
      const encryptor = encryptionClient().encryptor({ keyring, suite: 0x0478 });
      const emptying: ChunkTransform = {
        ...encryptor,
        async update(chunk) {
          const parts = await encryptor.update(chunk);
          empty();
          return parts;
        },
      };
      expect(await rejection(run(emptying, new Uint8Array(buffer)))).toBeInstanceOf(TypeError);
    },
  );

  it('fails when it is made shorter while it is sealed', async () => {
    const client = encryptionClient();
    for (const frameLength of [4096, 2 ** 24]) {
      const { buffer, empty } = resizable(2 ** 24);
      const suite = 0x0478;
      const sealing = client.encrypt(new Uint8Array(buffer), { keyring, suite, frameLength });
      await new Promise((resolve) => setImmediate(resolve));
      empty();
      await expect(sealing).rejects.toBeInstanceOf(TypeError);
    }
  });

  it('is the header that was authenticated, whatever becomes of the memory that it was read from', async () => {
    const unbound = unboundKeyring();
    const client = encryptionClient();
    const { message } = await client.encrypt(plaintext, {
      keyring: unbound,
      suite: 0x0478,
      encryptionContext: { role: 'guest' },
    });
    const forged = Uint8Array.from(message);
    forged.set(Buffer.from('admin'), Buffer.from(message).indexOf('guest'));
    const decryptor = client.decryptor({ keyring: unbound });
    for (const read of [
      (bytes: Uint8Array) => client.decrypt(bytes, { keyring: unbound }),
      // The rest of the header is to come.
      (bytes: Uint8Array) =>
        decryptor.update(bytes.subarray(0, 80)).then(() => decryptor.update(message.subarray(80))),
    ]) {
      const memory = Uint8Array.from(forged);
      const opened = read(memory);
      memory.set(message);
      expect(await rejection(opened)).toMatchObject({ code: 'DECRYPTION_FAILED' });
    }
  });
});

describe('onHeader', () => {
  it('may write to what it is shown', async () => {
    const client = encryptionClient();
    const onHeader = ({ header }: { readonly header: MessageHeader }): void => {
      header.messageId.fill(0);
      const suite = { ...header.suite, signature: undefined };
      expect(Reflect.set(header.suite, 'signature', undefined)).toBe(false);
      Object.assign(header, { suite, contentType: 'non-framed', frameLength: 7 });
    };
    for (const suite of [0x0478, 0x0578] as const) {
      const message: Uint8Array[] = [];
      for await (const part of iterate(client.encryptor({ keyring, suite, onHeader }), [plaintext]))
        message.push(part);
      expect((await client.decrypt(concat(message), { keyring })).plaintext).toEqual(plaintext);
      const opened: Uint8Array[] = [];
      for await (const part of iterate(client.decryptor({ keyring, onHeader }), message)) opened.push(part);
      expect(Buffer.compare(concat(opened), plaintext)).toBe(0);
    }
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

describe('plaintext that the reader of a stream does not take', () => {
  const client = encryptionClient();
  const long = new Uint8Array(1_000_000).fill(1);

  /** A decryptor of a signed message, which holds all plaintext back, and the arrays that it has answered. */
  function showing() {
    const decryptor = client.decryptor({ keyring });
    const answered: Uint8Array[] = [];
    const shown = async (parts: Promise<readonly Uint8Array<ArrayBuffer>[]>) => {
      answered.push(...(await parts));
      return parts;
    };
    const transform: ChunkTransform = {
      update: (chunk) => shown(decryptor.update(chunk)),
      final: () => shown(decryptor.final()),
      abort: () => decryptor.abort(),
    };
    return { transform, answered };
  }

  async function* inChunks(): AsyncGenerator<Uint8Array> {
    const { message } = await client.encrypt(long, { keyring });
    for (let i = 0; i < message.length; i += 100_000) yield message.slice(i, i + 100_000);
  }

  const count = (parts: readonly Uint8Array[]): number =>
    parts.reduce((sum, part) => sum + part.reduce((a, b) => a + b, 0), 0);

  it('is zeroed when an iteration ends early', async () => {
    const { transform, answered } = showing();
    for await (const part of iterate(transform, inChunks())) {
      expect(count([part])).toBe(part.length);
      break;
    }
    expect(answered.length).toBeGreaterThan(5);
    expect(answered.map((part) => count([part]))).toEqual([answered[0]?.length, ...zeros(answered.slice(1))]);
  });

  it('stays whole where an iteration goes to its end', async () => {
    const { transform } = showing();
    let taken = 0;
    for await (const part of iterate(transform, inChunks())) taken += count([part]);
    expect(taken).toBe(long.length);
  });

  it('comes out of a destroyed Node stream as it is, or not at all', async () => {
    const { transform, answered } = showing();
    const stream = duplex(transform);
    await once(Readable.from(inChunks()).pipe(stream), 'finish');
    const taken: Uint8Array[] = [];
    // Node goes on with what is in the queue.
    stream.on('data', (part: unknown) => {
      if (isBytes(part)) taken.push(part);
      stream.destroy();
    });
    await once(stream, 'close');
    expect(taken.length).toBeGreaterThan(0);
    expect(count(taken)).toBe(taken.reduce((sum, { length }) => sum + length, 0));
    expect(answered.length).toBeGreaterThan(5);
  });

  it('is zeroed if a listener destroyed a Node stream before it was in the queue', async () => {
    const { transform, answered } = showing();
    const stream = duplex(transform);
    const taken: unknown[] = [];
    stream.on('data', (part: unknown) => {
      taken.push(part);
      stream.destroy();
    });
    await pipeline(inChunks(), stream).catch(() => undefined);
    expect(taken).toHaveLength(1);
    expect(answered.map((part) => count([part]))).toEqual([answered[0]?.length, ...zeros(answered.slice(1))]);
  });

  it('stays whole where a Node stream goes to its end', async () => {
    const { transform, answered } = showing();
    const stream = duplex(transform);
    let taken = 0;
    const sink = new Writable({
      write(part: Uint8Array, _encoding, done) {
        taken += count([part]);
        done();
      },
    });
    await pipeline(inChunks(), stream, sink);
    expect(taken).toBe(long.length);
    expect(count(answered)).toBe(long.length);
  });
});

function zeros(parts: readonly Uint8Array[]): number[] {
  return parts.map(() => 0);
}
