import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { concat } from '../src/bytes.ts';
import {
  type ChunkTransform,
  EncryptionSdkError,
  encryptionClient,
  iterate,
  type MessageHeader,
  transformStream,
} from '../src/index.ts';
import { duplex } from '../src/node.ts';
import { memoryKeyring, rejection } from './fixtures/memory-keyring.ts';

const client = encryptionClient();
const plaintext = Uint8Array.from({ length: 10_000 }, (_, i) => i * 7);

/** The ways to run bytes through a transformation. */
const ways = {
  async iterate(transform: ChunkTransform, source: AsyncIterable<Uint8Array>) {
    const parts: Uint8Array[] = [];
    for await (const part of iterate(transform, source)) parts.push(part);
    return parts;
  },
  async 'a Web stream'(transform: ChunkTransform, source: AsyncIterable<Uint8Array>) {
    const parts: Uint8Array[] = [];
    const readable = ReadableStream.from(source).pipeThrough(transformStream(transform));
    for await (const part of readable) parts.push(part);
    return parts;
  },
  async 'a Node stream'(transform: ChunkTransform, source: AsyncIterable<Uint8Array>) {
    const parts: Uint8Array[] = [];
    await pipeline(source, duplex(transform), async (readable: AsyncIterable<Uint8Array>) => {
      for await (const part of readable) parts.push(new Uint8Array(part));
    });
    return parts;
  },
};

async function* chunks(bytes: Uint8Array, length = 1000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.slice(start, start + length);
}

describe.each(Object.entries(ways))('through %s', (_, run) => {
  it.each([0x0478, 0x0578] as const)('a message of suite %i is written and read', async (suite) => {
    const keyring = memoryKeyring();
    const message = concat(await run(client.encryptor({ keyring, suite }), chunks(plaintext)));
    expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintext);
    expect(concat(await run(client.decryptor({ keyring }), chunks(message)))).toEqual(plaintext);
    expect(keyring.calls).toEqual({ encrypt: 1, decrypt: 2 });
  });

  it('an empty plaintext makes a message', async () => {
    const keyring = memoryKeyring();
    const message = concat(await run(client.encryptor({ keyring }), chunks(new Uint8Array(0))));
    expect((await client.decrypt(message, { keyring })).plaintext).toHaveLength(0);
  });

  it('an incomplete message fails', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring });
    for (const length of [0, 10, 5000, message.length - 1]) {
      const reading = run(client.decryptor({ keyring }), chunks(message.subarray(0, length)));
      expect(await rejection(reading)).toMatchObject({ code: 'MESSAGE_INCOMPLETE' });
    }
  });

  it('a source that fails is what fails', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield plaintext;
      throw new Error('disk');
    }
    const writing = run(client.encryptor({ keyring: memoryKeyring() }), failing());
    expect(await rejection(writing)).toMatchObject({ message: 'disk' });
  });

  it('a long chunk is written', async () => {
    const keyring = memoryKeyring();
    const long = Buffer.alloc(3_000_000, 'long');
    const parts = await run(client.encryptor({ keyring, suite: 0x0478 }), chunks(long, long.length));
    expect(long.equals((await client.decrypt(concat(parts), { keyring })).plaintext)).toBe(true);
  });

  it('chunks that are no bytes are refused', async () => {
    async function* texts() {
      yield { no: 'bytes' };
    }
    // @ts-expect-error a caller without types
    const writing = run(client.encryptor({ keyring: memoryKeyring() }), texts());
    expect(await rejection(writing)).toBeInstanceOf(TypeError);
  });
});

describe('a signed message in chunks', () => {
  const read = async (transform: ChunkTransform, message: Uint8Array) => {
    const parts: Uint8Array[] = [];
    let error: unknown;
    try {
      for await (const part of iterate(transform, chunks(message))) parts.push(part);
    } catch (thrown) {
      error = thrown;
    }
    return { released: parts.reduce((sum, part) => sum + part.length, 0), error };
  };
  const badlySigned = async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring, frameLength: 100 });
    const last = message.length - 1;
    message[last] = (message[last] ?? 0) ^ 1;
    return { keyring, message };
  };

  it('releases nothing before its signature has verified', async () => {
    const { keyring, message } = await badlySigned();
    const { released, error } = await read(client.decryptor({ keyring }), message);
    expect(released).toBe(0);
    expect(error).toMatchObject({ code: 'DECRYPTION_FAILED' });
  });

  it('releases frames before its signature to who asks for it, but never the last one', async () => {
    const { keyring, message } = await badlySigned();
    const unsafe = client.decryptor({ keyring, signedMessages: 'unsafeReleaseBeforeSignature' });
    const { released, error } = await read(unsafe, message);
    expect(released).toBeGreaterThan(8000);
    expect(released).toBeLessThan(plaintext.length);
    expect(error).toMatchObject({ code: 'DECRYPTION_FAILED' });
  });

  it('is refused, before any key is asked for, where only unsigned ones are taken', async () => {
    const { keyring, message } = await badlySigned();
    const { released, error } = await read(client.decryptor({ keyring, signedMessages: 'refuse' }), message);
    expect(released).toBe(0);
    expect(error).toMatchObject({ code: 'SIGNED_MESSAGE_REFUSED' });
    expect(keyring.calls.decrypt).toBe(0);
    const unsigned = await client.encrypt(plaintext, { keyring, suite: 0x0478 });
    const taken = await read(client.decryptor({ keyring, signedMessages: 'refuse' }), unsigned.message);
    expect(taken).toEqual({ released: plaintext.length, error: undefined });
  });

  it('is held up to a limit', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring, frameLength: 100 });
    const short = await read(client.decryptor({ keyring, maxBufferedBytes: 5000 }), message);
    expect(short).toMatchObject({ released: 0, error: { code: 'BUFFER_LIMIT_EXCEEDED' } });
    const enough = await read(client.decryptor({ keyring, maxBufferedBytes: 11_000 }), message);
    expect(enough).toEqual({ released: plaintext.length, error: undefined });
  });

  it('is held in as much memory as its plaintext takes', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(Buffer.alloc(50_000), { keyring, frameLength: 1 });
    const decryptor = client.decryptor({ keyring });
    const before = bytesInUse();
    for await (const chunk of chunks(message.subarray(0, -1), 100)) await decryptor.update(chunk);
    // The message is 33 times as long.
    expect(bytesInUse() - before).toBeLessThan(4 * 50_000);
    await decryptor.update(message.subarray(-1));
    expect(concat(await decryptor.final())).toHaveLength(50_000);
  });

  it('is not the only thing that is limited: a frame is too', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring, suite: 0x0478, frameLength: 9000 });
    const { error } = await read(client.decryptor({ keyring, maxBufferedBytes: 5000 }), message);
    expect(error).toMatchObject({ code: 'BUFFER_LIMIT_EXCEEDED' });
  });
});

describe('iterate', () => {
  it('gives a long chunk out in parts', async () => {
    const encryptor = client.encryptor({ keyring: memoryKeyring(), suite: 0x0478 });
    const lengths: number[] = [];
    for await (const part of iterate(encryptor, [new Uint8Array(3_000_000)])) lengths.push(part.length);
    expect(lengths.length).toBeGreaterThan(2);
    expect(Math.max(...lengths)).toBeLessThan(1_100_000);
  });
});

describe('an encryptor', () => {
  it('takes as much plaintext as was announced, and not a byte more', async () => {
    const keyring = memoryKeyring();
    const run = async (maxPlaintextLength: number) => {
      const parts: Uint8Array[] = [];
      const encryptor = client.encryptor({ keyring, maxPlaintextLength });
      for await (const part of iterate(encryptor, chunks(plaintext, 3001))) parts.push(part);
      return concat(parts);
    };
    expect((await client.decrypt(await run(10_000), { keyring })).plaintext).toEqual(plaintext);
    expect((await client.decrypt(await run(20_000), { keyring })).plaintext).toEqual(plaintext);
    expect(await rejection(run(9_999))).toMatchObject({ code: 'PLAINTEXT_TOO_LONG' });
  });

  it('tells the header before the first bytes, and how far it is', async () => {
    const keyring = memoryKeyring();
    const seen: (number | MessageHeader)[] = [];
    const encryptor = client.encryptor({
      keyring,
      encryptionContext: { a: '1' },
      onHeader: ({ header }) => seen.push(header),
      onProgress: (bytesDone) => seen.push(bytesDone),
    });
    expect(seen).toEqual([]);
    for await (const part of iterate(encryptor, chunks(plaintext, 4000)))
      expect(part.length).toBeGreaterThan(0);
    const [header, ...progress] = seen;
    expect(header).toMatchObject({ suite: { id: 0x0578 }, encryptionContext: { a: '1' } });
    expect(progress).toEqual([4000, 8000, 10_000, 10_000]);
  });

  it('wants its calls one after the other, and none after the end', async () => {
    const encryptor = client.encryptor({ keyring: memoryKeyring() });
    const first = encryptor.update(plaintext);
    expect(await rejection(encryptor.update(plaintext))).toBeInstanceOf(TypeError);
    await first;
    await encryptor.final();
    expect(await rejection(encryptor.final())).toBeInstanceOf(TypeError);
  });

  it('refuses wrong options at once', () => {
    const keyring = memoryKeyring();
    expect(() => client.encryptor({ keyring, maxPlaintextLength: -1 })).toThrow(RangeError);
    expect(() => client.encryptor({ keyring, frameLength: 0 })).toThrow(RangeError);
    expect(() => client.decryptor({ keyring, maxBufferedBytes: 0.5 })).toThrow(RangeError);
    // @ts-expect-error a caller without types
    expect(() => client.decryptor({ keyring, signedMessages: 'unsafe' })).toThrow(TypeError);
  });
});

describe('a decryptor', () => {
  it('lets its caller refuse a message by its authenticated header', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring, encryptionContext: { tenant: '7' } });
    const decryptor = client.decryptor({
      keyring,
      onHeader({ encryptionContext }) {
        if (encryptionContext['tenant'] !== '42') throw new Error('another tenant');
      },
    });
    expect(await rejection(decryptor.update(message))).toMatchObject({ message: 'another tenant' });
  });
});

describe('onHeader', () => {
  it('is waited for before plaintext comes out', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring });
    const onHeader = () => Promise.reject(new Error('not today'));
    expect(await rejection(client.decryptor({ keyring, onHeader }).update(message))).toMatchObject({
      message: 'not today',
    });
    expect(await rejection(client.encryptor({ keyring, onHeader }).final())).toMatchObject({
      message: 'not today',
    });
  });
});

describe('onProgress', () => {
  it('is waited for, and fails the transformation', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring });
    const onProgress = () => Promise.reject(new Error('enough'));
    for (const transform of [
      client.encryptor({ keyring, onProgress }),
      client.decryptor({ keyring, onProgress }),
    ]) {
      expect(await rejection(transform.update(message))).toMatchObject({ message: 'enough' });
    }
  });
});

describe('a long frame in short chunks', () => {
  it('takes memory for what has come, not for every chunk again', async () => {
    const keyring = memoryKeyring();
    const long = Buffer.alloc(4_000_000, 'long');
    const options = { keyring, suite: 0x0478, frameLength: long.length } as const;
    const { message } = await client.encrypt(long, options);
    const decryptor = client.decryptor({ keyring });
    const before = bytesInUse();
    let most = 0;
    for await (const chunk of chunks(message, 16_384)) {
      await decryptor.update(chunk);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    await decryptor.final();
    expect(most).toBeLessThan(3 * long.length);
  });
});

describe('a Node stream', () => {
  it('passes a failing sink on to the pipeline, and nothing else fails', async () => {
    const sink = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error('sink'));
      },
    });
    const writing = pipeline(
      Readable.from(chunks(plaintext)),
      duplex(client.encryptor({ keyring: memoryKeyring() })),
      sink,
    );
    expect(await rejection(writing)).toMatchObject({ message: 'sink' });
  });

  it('can be aborted', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield plaintext;
    }
    const controller = new AbortController();
    const slowly = new Writable({ write: (_chunk, _encoding, done) => void setTimeout(done, 5) });
    const encryptor = client.encryptor({ keyring: memoryKeyring() });
    const writing = pipeline(endless(), duplex(encryptor), slowly, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect(await rejection(writing)).toMatchObject({ name: 'AbortError' });
  });

  it('reads no faster than its reader', async () => {
    let produced = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 1000; i++) {
        produced += 1;
        yield plaintext;
      }
    }
    const stream = duplex(client.encryptor({ keyring: memoryKeyring(), suite: 0x0478 }));
    const reading = Readable.from(source()).pipe(stream)[Symbol.asyncIterator]();
    await reading.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(produced).toBeLessThan(100);
    stream.destroy();
  });
});

describe('a Web stream', () => {
  const endings: [string, (stream: TransformStream<Uint8Array>) => Promise<unknown>][] = [
    ['cancelled', ({ readable }) => readable.cancel()],
    ['aborted', ({ writable }) => writable.abort()],
    ['fed by a source that fails', (stream) => rejection(failing().pipeTo(stream.writable))],
    ['given what is no bytes', (stream) => rejection(texts().pipeThrough(stream).getReader().read())],
    [
      'piped to a sink that fails',
      (stream) => {
        const sink = new WritableStream({ write: () => Promise.reject(new Error('full')) });
        return rejection(ReadableStream.from(chunks(plaintext)).pipeThrough(stream).pipeTo(sink));
      },
    ],
  ];
  const texts = (): ReadableStream => ReadableStream.from(['text']);
  const failing = () => new ReadableStream({ pull: () => Promise.reject(new Error('disk')) });

  // The runtime has to tell it, as Node does.
  it.each(endings)('aborts its transformation when it is %s', async (_, end) => {
    const encryptor = client.encryptor({ keyring: memoryKeyring(), suite: 0x0478, frameLength: 100 });
    let aborts = 0;
    const counting = { ...encryptor, abort: () => (aborts += 1) };
    await end(transformStream(counting));
    await expect.poll(() => aborts).toBeGreaterThan(0);
    expect(aborts).toBe(1);
  });

  it('is refused where streams pass everything through as it is', () => {
    // As those of Cloudflare's workers once did.
    const indifferent = new Proxy(TransformStream, { construct: (Original) => new Original() });
    vi.stubGlobal('TransformStream', indifferent);
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(() => transformStream(client.encryptor({ keyring: memoryKeyring() }))).toThrow(TypeError);
  });
});

describe('an error of the SDK', () => {
  it('comes out of a Web stream as it went in', async () => {
    const { message } = await client.encrypt(plaintext, { keyring: memoryKeyring() });
    const readable = ReadableStream.from(chunks(message));
    const reading = readable.pipeThrough(transformStream(client.decryptor({ keyring: memoryKeyring() })));
    expect(await rejection(reading.getReader().read())).toBeInstanceOf(EncryptionSdkError);
  });
});

/** Bytes of arrays that are still referenced. Collects twice: after one collection some of the others are still counted. */
function bytesInUse(): number {
  for (let time = 0; time < 2; time += 1) if (typeof gc === 'function') Reflect.apply(gc, undefined, []);
  return process.memoryUsage().arrayBuffers;
}

setFlagsFromString('--expose-gc');
const gc: unknown = runInNewContext('gc');
