import { constants, generateKeyPair, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { RsaKey, RsaOaepPadding, Token } from '../../src/index.ts';
import { importRsaKey } from '../../src/testing.ts';
import { describeWithEachToken, type TokenContext } from '../fixtures/with-token.ts';

describeWithEachToken('RSA', (context) => {
  describe.each(['inline', 'threadpool'] as const)('with calls %s', (calls) => {
    it('encrypts what OpenSSL decrypts, and decrypts what OpenSSL encrypts, with every padding of the token', async () => {
      const { key } = knownKey(context(), { calls });
      for (const [padding, oaepHash] of await offered(key)) {
        await fc.assert(
          fc.asyncProperty(plaintexts, async (plaintext) => {
            const ciphertext = await key.encrypt({ padding, plaintext });
            expect(ciphertext).toHaveLength(256);
            expect(opensslDecrypt(oaepHash, ciphertext)).toEqual(plaintext);
            const theirs = opensslEncrypt({ oaepHash }, plaintext);
            expect(await key.decrypt({ padding, ciphertext: theirs })).toEqual(plaintext);
          }),
          { numRuns: 10 },
        );
      }
    });

    it('reads PKCS #1 v1.5', async () => {
      const { key } = knownKey(context(), { calls });
      const plaintext = Uint8Array.from({ length: 32 }, (_, i) => i);
      const ciphertext = opensslEncrypt({ padding: constants.RSA_PKCS1_PADDING }, plaintext);
      expect(await key.decrypt({ padding: 'PKCS1-v1_5', ciphertext })).toEqual(plaintext);
    });

    it('is right in every one of many parallel calls', async () => {
      const { key, token } = knownKey(context(), { calls, maxSessions: 3 });
      const jobs = Array.from({ length: 60 }, async (_, number) => {
        const plaintext = new Uint8Array(32).fill(number);
        const ciphertext = await key.encrypt({ padding: 'OAEP-SHA-1', plaintext });
        return key.decrypt({ padding: 'OAEP-SHA-1', ciphertext });
      });
      expect((await Promise.all(jobs)).map(([first]) => first)).toEqual(jobs.map((_, number) => number));
      expect(token.sessions().open).toBeLessThanOrEqual(3);
    });
  });

  it('refuses what was not encrypted for the key, whatever is wrong with it, and goes on', async () => {
    const { key } = knownKey(context());
    const plaintext = new Uint8Array(32).fill(5);
    const good = opensslEncrypt({ oaepHash: 'sha1' }, plaintext);
    const { publicKey: stranger } = await newKeyPair('rsa', { modulusLength: 2048 });
    const bad = [
      ...[0, 100, 255].map((index) => good.map((byte, i) => (i === index ? byte ^ 1 : byte))),
      good.subarray(1),
      Uint8Array.of(0, ...good),
      Uint8Array.of(...good, 0),
      new Uint8Array(0),
      new Uint8Array(256),
      new Uint8Array(256).fill(0xff),
      opensslEncrypt({ oaepHash: 'sha256' }, plaintext),
      opensslEncrypt({ oaepHash: 'sha1', oaepLabel: Buffer.from('label') }, plaintext),
      opensslEncrypt({ oaepHash: 'sha1' }, plaintext, stranger),
    ];
    for (const ciphertext of bad) {
      const opening = key.decrypt({ padding: 'OAEP-SHA-1', ciphertext });
      await expect(opening).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
    }
    expect(await key.decrypt({ padding: 'OAEP-SHA-1', ciphertext: good })).toEqual(plaintext);
  });

  it('refuses random bytes, and never answers with the plaintext of others', async () => {
    const { key } = knownKey(context());
    const lengths = fc.oneof(fc.constant(256), fc.integer({ min: 0, max: 300 }));
    const random = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    await fc.assert(
      fc.asyncProperty(random, async (ciphertext) => {
        const opening = key.decrypt({ padding: 'OAEP-SHA-1', ciphertext });
        await expect(opening).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
      }),
    );
  });

  it('leaves its input alone, and takes a copy of it before it returns', async () => {
    const { key } = knownKey(context());
    const plaintext = new Uint8Array(32).fill(3);
    const encrypting = key.encrypt({ padding: 'OAEP-SHA-1', plaintext });
    plaintext.fill(4);
    const ciphertext = await encrypting;
    expect(plaintext).toEqual(new Uint8Array(32).fill(4));
    const decrypting = key.decrypt({ padding: 'OAEP-SHA-1', ciphertext });
    ciphertext.fill(0);
    expect(await decrypting).toEqual(new Uint8Array(32).fill(3));
  });

  it('hands out no ciphertext of another length than the modulus', async () => {
    const { cryptoki } = context();
    const { key } = knownKey(context());
    const input = { padding: 'OAEP-SHA-1', plaintext: new Uint8Array(32) } as const;
    const encrypt = cryptoki.C_Encrypt.bind(cryptoki);
    for (const length of [255, 257]) {
      vi.spyOn(cryptoki, 'C_Encrypt').mockImplementationOnce(
        (session: Buffer, plaintext: Buffer, output: Buffer) => {
          encrypt(session, plaintext, output);
          return output.subarray(0, length);
        },
      );
      await expect(key.encrypt(input)).rejects.toMatchObject({ code: 'DEVICE_ERROR' });
    }
    vi.restoreAllMocks();
    expect(await key.encrypt(input)).toHaveLength(256);
  });

  it('refuses paddings, types and lengths that are none', async () => {
    const { key } = knownKey(context());
    const plaintext = new Uint8Array(32);
    for (const padding of ['PKCS1-v1_5', 'toString', '']) {
      // @ts-expect-error JavaScript lets this through.
      await expect(key.encrypt({ padding, plaintext })).rejects.toThrow(TypeError);
    }
    // @ts-expect-error JavaScript lets this through.
    await expect(key.decrypt({ padding: 'none', ciphertext: plaintext })).rejects.toThrow(TypeError);
    // @ts-expect-error JavaScript lets this through.
    await expect(key.decrypt({ padding: 'OAEP-SHA-1', ciphertext: 'text' })).rejects.toThrow(TypeError);
    const longest = new Uint8Array(256 - 42);
    expect(await key.encrypt({ padding: 'OAEP-SHA-1', plaintext: longest })).toHaveLength(256);
    const longer = new Uint8Array(256 - 41);
    await expect(key.encrypt({ padding: 'OAEP-SHA-1', plaintext: longer })).rejects.toThrow(RangeError);
  });

  it('is given up while it waits, when the signal is aborted', async () => {
    const { key } = knownKey(context());
    const signal = AbortSignal.abort(new Error('given up'));
    const input = { padding: 'OAEP-SHA-1', plaintext: new Uint8Array(1) } as const;
    await expect(key.encrypt(input, { signal })).rejects.toThrow('given up');
  });

  it('goes on after its sessions were closed, and after a logout', async () => {
    const { key, token } = knownKey(context());
    const { raw, slot } = context();
    const plaintext = new Uint8Array(32).fill(1);
    const ciphertext = opensslEncrypt({ oaepHash: 'sha1' }, plaintext);
    expect(await key.decrypt({ padding: 'OAEP-SHA-1', ciphertext })).toEqual(plaintext);
    raw.C_CloseAllSessions(slot);
    expect(await key.decrypt({ padding: 'OAEP-SHA-1', ciphertext })).toEqual(plaintext);
    const session = raw.C_OpenSession(slot, 4);
    raw.C_Logout(session);
    raw.C_CloseSession(session);
    expect(await key.decrypt({ padding: 'OAEP-SHA-1', ciphertext })).toEqual(plaintext);
    token.close();
    const closed = { code: 'CLOSED' };
    await expect(key.decrypt({ padding: 'OAEP-SHA-1', ciphertext })).rejects.toMatchObject(closed);
  });
});

const newKeyPair = promisify(generateKeyPair);
const { privateKey, publicKey } = await newKeyPair('rsa', { modulusLength: 2048 });
const plaintexts = fc.uint8Array({ minLength: 1, maxLength: 126 });
const hashes: readonly (readonly [RsaOaepPadding, string])[] = [
  ['OAEP-SHA-1', 'sha1'],
  ['OAEP-SHA-256', 'sha256'],
  ['OAEP-SHA-384', 'sha384'],
  ['OAEP-SHA-512', 'sha512'],
];

/** Returns the paddings that the token offers, and checks that it refuses all others on both sides. */
async function offered(key: RsaKey): Promise<typeof hashes> {
  const unsupported = { code: 'MECHANISM_UNSUPPORTED' };
  const found: (typeof hashes)[number][] = [];
  for (const row of hashes) {
    const [padding, oaepHash] = row;
    const plaintext = new Uint8Array(16);
    const failure: unknown = await key.encrypt({ padding, plaintext }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) found.push(row);
    else {
      expect(failure).toMatchObject(unsupported);
      const ciphertext = opensslEncrypt({ oaepHash }, plaintext);
      await expect(key.decrypt({ padding, ciphertext })).rejects.toMatchObject(unsupported);
    }
  }
  expect(found[0]).toEqual(hashes[0]);
  return found;
}

let imported = 0;

function knownKey(
  { open, temporary }: TokenContext,
  options: Parameters<TokenContext['open']>[0] = {},
): { readonly key: RsaKey; readonly token: Token } {
  const label = `known-${(imported += 1)}`;
  const id = Uint8Array.of(imported);
  importRsaKey(temporary, { label, id, privateKey });
  const token = open(options);
  return { key: token.rsaKey({ label }), token };
}

function opensslEncrypt(options: object, plaintext: Uint8Array, key: KeyObject = publicKey): Uint8Array {
  return Uint8Array.from(
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, ...options }, plaintext),
  );
}

function opensslDecrypt(oaepHash: string, ciphertext: Uint8Array): Uint8Array {
  return Uint8Array.from(privateDecrypt({ key: privateKey, oaepHash }, ciphertext));
}
