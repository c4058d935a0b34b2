// Ten faults of @aws-crypto/client-node 5.0.2 that this project was started to be free of.
import { spawnSync } from 'node:child_process';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient, iterate, requiredEncryptionContextCmm } from '@holdfast/sdk';
import { duplex } from '@holdfast/sdk/node';
import { describe, expect, it, vi } from 'vitest';
import type { Parser } from '../../packages/sdk/src/format/cursor.ts';
import { type ParsedHeader, readHeader } from '../../packages/sdk/src/format/header.ts';
import { Input } from '../../packages/sdk/src/format/input.ts';
import { UnitReader } from '../../packages/sdk/src/format/unit-reader.ts';

const client = encryptionClient();
const wrappingKey = new Uint8Array(32).fill(7);
const keyring = rawAesKeyring({ namespace: 'faults', name: 'key', wrappingKey });
const plaintext = Buffer.alloc(20_000, 'plaintext');
const unsigned = { keyring, suite: 0x0478 } as const;

async function* chunks(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.slice(start, start + length);
}

async function gathered(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

describe('unlike the peer', () => {
  it('a raw AES keyring leaves the key of its caller alone, and a wiped one is refused', async () => {
    const mine = Uint8Array.from(wrappingKey);
    rawAesKeyring({ namespace: 'faults', name: 'key', wrappingKey: mine });
    expect(mine).toEqual(wrappingKey);
    mine.fill(0);
    expect(() => rawAesKeyring({ namespace: 'faults', name: 'key', wrappingKey: mine })).toThrow(TypeError);
  });

  it('contexts are authenticated in byte order, whatever the locale thinks of upper and lower case', async () => {
    const inOrder = await client.encrypt(plaintext, { ...unsigned, encryptionContext: { B: '1', a: '2' } });
    expect(Object.keys(inOrder.header.encryptionContext)).toEqual(['B', 'a']);
    const { message } = await client.encrypt(plaintext, {
      ...unsigned,
      encryptionContext: { a: '2', B: '1' },
    });
    const stored = Buffer.from(message).indexOf(
      Buffer.from('0002 0001 42 0001 31 0001 61'.replaceAll(' ', ''), 'hex'),
    );
    expect(stored).toBeGreaterThan(0);
  });

  it('a sink that fails ends the pipeline and nothing else', async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
    const writing = pipeline(
      Readable.from(chunks(plaintext, 1000)),
      duplex(client.encryptor(unsigned)),
      sink,
    );
    await expect(writing).rejects.toThrow('disk full');
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('the announced length counts exactly, with chunks of any size', async () => {
    for (const length of [100, 4096, 5000, 20_000]) {
      const exact = client.encryptor({ ...unsigned, maxPlaintextLength: plaintext.length });
      const message = await gathered(iterate(exact, chunks(plaintext, length)));
      expect(plaintext.equals((await client.decrypt(message, { keyring })).plaintext)).toBe(true);
      const short = client.encryptor({ ...unsigned, maxPlaintextLength: plaintext.length - 1 });
      await expect(gathered(iterate(short, chunks(plaintext, length)))).rejects.toMatchObject({
        code: 'PLAINTEXT_TOO_LONG',
      });
    }
  });

  it('bytes behind the end of an unsigned message are refused', async () => {
    const { message } = await client.encrypt(plaintext, unsigned);
    const longer = Buffer.concat([message, Buffer.of(0)]);
    await expect(client.decrypt(longer, { keyring })).rejects.toMatchObject({ code: 'MESSAGE_MALFORMED' });
  });

  it('every context key with the reserved prefix is refused', async () => {
    for (const key of ['aws-crypto-public-key', 'aws-crypto-foo', 'aws-crypto-']) {
      const encryptionContext = { [key]: '1' };
      await expect(client.encrypt(plaintext, { keyring, encryptionContext })).rejects.toMatchObject({
        code: 'ENCRYPTION_CONTEXT_INVALID',
      });
    }
  });

  it('an import does nothing: the process ends by itself at once', () => {
    const program =
      "await import('@holdfast/sdk'); process.stdout.write(process.getActiveResourcesInfo().join());";
    const options = ['--input-type=module', '-e', program];
    const { status, stdout } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 20_000 });
    expect(status).toBe(0);
    // Node closes the files that it has read; what is written goes through a pipe of its own.
    expect(
      stdout
        .split(',')
        .filter((name) => !/CloseReq|Pipe|TTY/.test(name))
        .join(),
    ).toBe('');
  });

  it('a header is not parsed again for each chunk, however short they are', async () => {
    const encryptionContext = { long: 'x'.repeat(60_000) };
    const { message } = await client.encrypt(new Uint8Array(1), { ...unsigned, encryptionContext });
    const parser = vi.fn<Parser<ParsedHeader>>(readHeader(64));
    const reader = new UnitReader(parser);
    const input = new Input();
    let header: unknown;
    for await (const chunk of chunks(message, 16)) {
      input.push(chunk);
      header ??= reader.read(input);
      input.settle();
    }
    expect(header).toBeDefined();
    // Once for each field, not once for each of 3,800 chunks.
    expect(parser.mock.calls.length).toBeLessThan(40);
    expect(await gathered(iterate(client.decryptor({ keyring }), chunks(message, 16)))).toHaveLength(1);
  });

  it('pairs that are required but not stored can be written and read', async () => {
    const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['tenant'] });
    const { message } = await client.encrypt(plaintext, { cmm, encryptionContext: { tenant: '42' } });
    const opened = await client.decrypt(message, { cmm, encryptionContext: { tenant: '42' } });
    expect(plaintext.equals(opened.plaintext)).toBe(true);
    await expect(client.decrypt(message, { keyring })).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
  });

  it('slow and fast readers of a stream get every byte', async () => {
    const long = Buffer.alloc(3_000_000, 'long');
    const { message } = await client.encrypt(long, unsigned);
    for (const delayMs of [0, 2]) {
      const slow = new PassThrough({ highWaterMark: 1024 });
      const reading = gathered(
        (async function* read() {
          for await (const part of slow) {
            if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
            yield Buffer.from(part);
          }
        })(),
      );
      await pipeline(chunks(message, 65_536), duplex(client.decryptor({ keyring })), slow);
      expect(long.equals(await reading)).toBe(true);
    }
  });
});
