import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { AesKey, CallMode } from '../../src/index.ts';
import { importAesKey } from '../../src/testing.ts';
import { describeWithEachToken, type TokenContext } from '../fixtures/with-token.ts';

const keyValue = randomBytes(32);

function opensslSeal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array) {
  const cipher = createCipheriv('aes-256-gcm', keyValue, iv);
  cipher.setAAD(aad);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { ciphertext: new Uint8Array(ciphertext), tag: new Uint8Array(cipher.getAuthTag()) };
}

const messages = fc.record({
  iv: fc.oneof(
    fc.uint8Array({ minLength: 12, maxLength: 12 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  ),
  aad: fc.uint8Array({ maxLength: 300 }),
  plaintext: fc.uint8Array({ maxLength: 300 }),
});

describeWithEachToken('AES-256-GCM', (context) => {
  describe.each(['inline', 'threadpool'] as const)('with calls %s', (calls) => {
    it('writes what OpenSSL writes under the same key, and reads it', async () => {
      const key = knownKey(context(), calls);
      await fc.assert(
        fc.asyncProperty(messages, async ({ iv, aad, plaintext }) => {
          const sealed = await key.encrypt({ iv, aad, plaintext });
          expect(sealed).toEqual(opensslSeal(iv, aad, plaintext));
          expect(await key.decrypt({ iv, aad, ...sealed })).toEqual(plaintext);
        }),
      );
    });

    it.each([
      [0, 0],
      [0, 20],
      [4300, 8211],
      [65536, 65535],
    ])('takes %i bytes of plaintext with %i bytes of additional data', async (length, aadLength) => {
      const key = knownKey(context(), calls);
      const [iv, aad, plaintext] = [randomBytes(16), randomBytes(aadLength), new Uint8Array(length).fill(7)];
      const sealed = await key.encrypt({ iv, aad, plaintext });
      expect(sealed).toEqual(opensslSeal(iv, aad, plaintext));
      expect(await key.decrypt({ iv, aad, ...sealed })).toEqual(plaintext);
    });

    it('refuses a changed ciphertext, tag, IV or additional data, and goes on', async () => {
      const key = knownKey(context(), calls);
      const aad = Uint8Array.of(1, 2);
      const iv = randomBytes(12);
      const good = { iv, aad, ...opensslSeal(iv, aad, Uint8Array.of(9, 9)) };
      const flipped = (bytes: Uint8Array) => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte));
      for (const part of ['ciphertext', 'tag', 'iv', 'aad'] as const) {
        const bad = { ...good, [part]: flipped(good[part]) };
        await expect(key.decrypt(bad)).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
      }
      await expect(key.decrypt({ ...good, ciphertext: new Uint8Array(0) })).rejects.toMatchObject({
        code: 'DECRYPTION_FAILED',
      });
      expect(await key.decrypt(good)).toEqual(Uint8Array.of(9, 9));
    });

    it('takes its copy of the input before it returns', async () => {
      const key = knownKey(context(), calls);
      const [iv, aad, plaintext] = [
        new Uint8Array(12).fill(1),
        new Uint8Array(50).fill(2),
        new Uint8Array(99).fill(3),
      ];
      const expected = opensslSeal(iv, aad, plaintext);
      const sealing = key.encrypt({ iv, aad, plaintext });
      for (const bytes of [iv, aad, plaintext]) bytes.fill(0xff);
      expect(await sealing).toEqual(expected);
      expect(plaintext).toEqual(new Uint8Array(99).fill(0xff));
    });

    it('is right in every one of many parallel calls', async () => {
      const key = knownKey(context(), calls);
      const jobs = Array.from({ length: 200 }, async (_, number) => sealsAsOpenssl(key, number));
      expect(await Promise.all(jobs)).not.toContain(false);
    });
  });

  // With an input to which no reference is held (PeculiarVentures/pkcs11js#121), half of these ciphertexts are wrong.
  it('keeps its input while a call waits for a thread and garbage is collected', async () => {
    const { open, temporary } = context();
    importAesKey(temporary, { label: 'pinned', value: keyValue });
    const key = open({ calls: 'threadpool', maxSessions: 64 }).aesKey({ label: 'pinned' });
    for (let round = 0; round < 4; round += 1) {
      const busyThreads = Promise.all(
        Array.from({ length: 4 }, async () => derive('a', 'b', 60_000, 32, 'sha512')),
      );
      const jobs = Array.from({ length: 64 }, async (_, index) => sealsAsOpenssl(key, round * 64 + index));
      await new Promise(setImmediate);
      collectGarbage();
      for (let index = 0; index < 400; index += 1) Buffer.allocUnsafeSlow(4096).fill(0xa5);
      expect(await Promise.all(jobs)).not.toContain(false);
      await busyThreads;
    }
  });

  it('refuses lengths and types that are not AES-GCM', async () => {
    const key = knownKey(context(), 'inline');
    const [aad, plaintext] = [new Uint8Array(0), new Uint8Array(1)];
    for (const length of [0, 1, 11, 13, 17]) {
      const iv = new Uint8Array(length);
      await expect(key.encrypt({ iv, aad, plaintext })).rejects.toThrow(RangeError);
    }
    const iv = new Uint8Array(12);
    const short = { iv, aad, ciphertext: plaintext, tag: new Uint8Array(15) };
    await expect(key.decrypt(short)).rejects.toThrow(RangeError);
    // @ts-expect-error JavaScript lets this through.
    await expect(key.encrypt({ iv, aad, plaintext: 'text' })).rejects.toThrow(TypeError);
    // @ts-expect-error JavaScript lets this through.
    const misplaced = key.encryptUnderTokenIv({ aad, plaintext, ivPlacement: 'prepended' });
    await expect(misplaced).rejects.toThrow(TypeError);
  });

  it('hands out nothing that a token encrypted under another IV than it was given', async () => {
    const { cryptoki } = context();
    const key = knownKey(context(), 'inline');
    const begin = cryptoki.C_EncryptInit.bind(cryptoki);
    const beginning = vi.spyOn(cryptoki, 'C_EncryptInit').mockImplementation((session, mechanism, handle) => {
      const parameter = typeof mechanism === 'object' ? mechanism.parameter : undefined;
      if (typeof parameter !== 'object' || !('iv' in parameter) || !Buffer.isBuffer(parameter.iv)) {
        throw new Error('expected an IV');
      }
      parameter.iv.fill(9);
      begin(session, mechanism, handle);
    });
    const iv = new Uint8Array(12);
    const sealing = key.encrypt({ iv, aad: iv, plaintext: iv });
    await expect(sealing).rejects.toMatchObject({ code: 'MECHANISM_UNSUPPORTED' });
    beginning.mockRestore();
    expect(await key.encrypt({ iv, aad: iv, plaintext: iv })).toEqual(opensslSeal(iv, iv, iv));
  });

  it('finds out a token that appends an IV of its own although it was given one', async () => {
    const { cryptoki } = context();
    const key = knownKey(context(), 'inline');
    const iv = new Uint8Array(12);
    const encrypt = cryptoki.C_Encrypt.bind(cryptoki);
    for (const [surplus, code] of [
      [12, 'MECHANISM_UNSUPPORTED'],
      [16, 'MECHANISM_UNSUPPORTED'],
      [1, 'DEVICE_ERROR'],
    ] as const) {
      vi.spyOn(cryptoki, 'C_Encrypt').mockImplementationOnce(
        (session: Buffer, input: Buffer, output: Buffer) => {
          const written = encrypt(session, input, output);
          return output.subarray(0, written.length + surplus);
        },
      );
      await expect(key.encrypt({ iv, aad: iv, plaintext: iv })).rejects.toMatchObject({ code });
    }
    vi.restoreAllMocks();
  });

  it('hands out no plaintext that is shorter or longer than the ciphertext', async () => {
    const { cryptoki } = context();
    const key = knownKey(context(), 'inline');
    const input = { iv: new Uint8Array(12), aad: new Uint8Array(0) };
    const sealed = opensslSeal(input.iv, input.aad, new Uint8Array(32));
    const decrypt = cryptoki.C_Decrypt.bind(cryptoki);
    for (const length of [0, 31, 33]) {
      vi.spyOn(cryptoki, 'C_Decrypt').mockImplementationOnce(
        (session: Buffer, ciphertext: Buffer, output: Buffer) => {
          decrypt(session, ciphertext, output);
          return output.subarray(0, length);
        },
      );
      await expect(key.decrypt({ ...input, ...sealed })).rejects.toMatchObject({ code: 'DEVICE_ERROR' });
    }
    vi.restoreAllMocks();
    expect(await key.decrypt({ ...input, ...sealed })).toEqual(new Uint8Array(32));
  });

  it('leaves the event loop free only on the thread pool, within the limit of sessions', async () => {
    const { open, temporary } = context();
    importAesKey(temporary, { label: 'bounded', value: keyValue });
    const token = open({ calls: 'threadpool', maxSessions: 3 });
    const key = token.aesKey({ label: 'bounded' });
    const jobs = Array.from({ length: 12 }, (_, index) => sealsAsOpenssl(key, index));
    await new Promise(setImmediate);
    expect(token.sessions().open).toBeLessThanOrEqual(3);
    expect(await Promise.all(jobs)).not.toContain(false);
    expect(token.sessions()).toEqual({ open: 3, idle: 3, limit: 3 });
    token.close();
  });

  it('finishes calls under way when the token is closed', async () => {
    const { open, temporary } = context();
    importAesKey(temporary, { label: 'closing', value: keyValue });
    const token = open({ calls: 'threadpool' });
    const key = token.aesKey({ label: 'closing' });
    const iv = new Uint8Array(12);
    const sealing = key.encrypt({ iv, aad: iv, plaintext: new Uint8Array(100_000) });
    await Promise.resolve();
    token.close();
    expect((await sealing).ciphertext).toHaveLength(100_000);
    expect(token.sessions().open).toBe(0);
    await expect(key.encrypt({ iv, aad: iv, plaintext: iv })).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

function knownKey({ open, temporary }: TokenContext, calls: CallMode): AesKey {
  const label = `known-${randomBytes(4).toString('hex')}`;
  importAesKey(temporary, { label, value: keyValue });
  return open({ calls }).aesKey({ label });
}

async function sealsAsOpenssl(key: AesKey, number: number): Promise<boolean> {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(number);
  const [aad, plaintext] = [randomBytes(number % 200), randomBytes(4096)];
  const { ciphertext, tag } = await key.encrypt({ iv, aad, plaintext });
  const expected = opensslSeal(iv, aad, plaintext);
  const opened = await key.decrypt({ iv, aad, ciphertext, tag });
  return (
    Buffer.from(expected.ciphertext).equals(ciphertext) &&
    Buffer.from(expected.tag).equals(tag) &&
    plaintext.equals(opened)
  );
}

function collectGarbage(): void {
  if (typeof gc === 'function') Reflect.apply(gc, undefined, []);
}

setFlagsFromString('--expose-gc');
const gc: unknown = runInNewContext('gc');
const derive = promisify(pbkdf2);
