import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { decodeEcdsaSignature } from '../../packages/sdk/src/crypto/ecdsa-der.ts';
import { hkdfExpand, hkdfExtract } from '../../packages/sdk/src/crypto/hkdf.ts';
import * as node from '../../packages/sdk/src/crypto/node.ts';
import type { AesGcmKey } from '../../packages/sdk/src/crypto/provider.ts';
import * as web from '../../packages/sdk/src/crypto/web.ts';
import * as webAes from '../../packages/sdk/src/crypto/web-aes.ts';
import { deriveMessageKeys } from '../../packages/sdk/src/derive.ts';
import { COORDINATE_LENGTH, suiteById } from '../../packages/sdk/src/suites.ts';
import { needVectors, vectorsDirectory } from './manifest.ts';

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const hex = z.string().transform((text) => Buffer.from(text, 'hex'));

function read<T>(file: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(readFileSync(join(vectorsDirectory, file), 'utf8')));
}

/** Keys do not come out of their objects: compare what they seal. */
async function fingerprint(key: AesGcmKey): Promise<string> {
  const out = new Uint8Array(16);
  await key.seal(new Uint8Array(12), new Uint8Array(0), new Uint8Array(0), out);
  return createHash('sha256').update(out).digest('hex');
}

describe('known answers', () => {
  beforeEach(needVectors);

  it('of the key derivation are found for all eleven suites', async () => {
    const { tests } = read(
      'esdk/derivation.json',
      z.object({
        tests: z.array(
          z.object({
            suite: z.string(),
            plaintextDataKey: base64,
            messageId: base64,
            contentKey: base64,
            commitKey: base64.optional(),
          }),
        ),
      }),
    );
    expect(tests).toHaveLength(11);
    for (const test of tests) {
      const suite = suiteById(Number(test.suite));
      if (suite === undefined) throw new Error(`no suite ${test.suite}`);
      const derived = await deriveMessageKeys(suite, test.plaintextDataKey, test.messageId);
      expect(await fingerprint(derived.contentKey)).toBe(
        await fingerprint(await node.aesGcmKey(test.contentKey)),
      );
      expect(Buffer.from(derived.commitKey)).toEqual(test.commitKey ?? Buffer.alloc(0));
    }
  });

  it.each([
    ['P-256', 'SHA-256', 'ecdsa_secp256r1_sha256_test.json'],
    ['P-384', 'SHA-384', 'ecdsa_secp384r1_sha384_test.json'],
  ] as const)(
    'of Wycheproof for signatures on %s are found, the invalid ones refused',
    async (curve, hash, file) => {
      const { testGroups, numberOfTests } = read(
        `wycheproof/${file}`,
        z.object({
          numberOfTests: z.number(),
          testGroups: z.array(
            z.object({
              publicKey: z.object({ uncompressed: hex }),
              tests: z.array(
                z.object({
                  tcId: z.number(),
                  msg: hex,
                  sig: hex,
                  result: z.enum(['valid', 'invalid', 'acceptable']),
                }),
              ),
            }),
          ),
        }),
      );
      let ran = 0;
      for (const { publicKey, tests } of testGroups) {
        const x = publicKey.uncompressed.subarray(1, 1 + COORDINATE_LENGTH[curve]);
        const point = Buffer.concat([Buffer.of(2 + ((publicKey.uncompressed.at(-1) ?? 0) & 1)), x]);
        const keys = [
          await node.verificationKey(curve, hash, point),
          await web.verificationKey(curve, hash, point),
        ];
        for (const { tcId, msg, sig, result } of tests) {
          const signature = decodeEcdsaSignature(sig, COORDINATE_LENGTH[curve]);
          for (const key of keys) {
            const verifier = key?.verifier();
            verifier?.update(msg);
            const accepted = signature !== undefined && (await verifier?.verify(signature)) === true;
            expect({ tcId, accepted }).toEqual({ tcId, accepted: result === 'valid' });
          }
          ran += 1;
        }
      }
      expect(ran).toBe(numberOfTests);
    },
  );

  const webWithoutAes192 = { aesGcmKey: (key: Uint8Array) => web.keyOver(webAes.aesGcm(key)) };
  it.each(Object.entries({ node, web, 'of browsers without AES-192': webWithoutAes192 }))(
    'of Wycheproof for AES-GCM are found by the provider %s',
    async (_, provider) => {
      const { testGroups } = read(
        'wycheproof/aes_gcm_test.json',
        z.object({
          testGroups: z.array(
            z.object({
              ivSize: z.number(),
              tagSize: z.number(),
              tests: z.array(
                z.object({
                  tcId: z.number(),
                  key: hex,
                  iv: hex,
                  aad: hex,
                  msg: hex,
                  ct: hex,
                  tag: hex,
                  result: z.enum(['valid', 'invalid', 'acceptable']),
                }),
              ),
            }),
          ),
        }),
      );
      // The message format has no other lengths.
      const groups = testGroups.filter(({ ivSize, tagSize }) => ivSize === 96 && tagSize === 128);
      let ran = 0;
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of groups.flatMap(({ tests }) => tests)) {
        const aesKey = await provider.aesGcmKey(key);
        const [sealed, opened] = [Buffer.concat([ct, tag]), Buffer.alloc(ct.length)];
        const isOpen = await aesKey.open(iv, aad, sealed, opened);
        expect({ tcId, isOpen }).toEqual({ tcId, isOpen: result === 'valid' });
        expect(opened.equals(isOpen ? msg : Buffer.alloc(ct.length))).toBe(true);
        if (isOpen) {
          const again = Buffer.alloc(sealed.length);
          await aesKey.seal(iv, aad, msg, again);
          expect(again.equals(sealed)).toBe(true);
        }
        ran += 1;
      }
      expect(ran).toBeGreaterThan(100);
    },
  );

  it.each([
    ['SHA-256', 'hkdf_sha256_test.json', 32, { found: 30, refused: 56 }],
    ['SHA-384', 'hkdf_sha384_test.json', 48, { found: 54, refused: 29 }],
    ['SHA-512', 'hkdf_sha512_test.json', 64, { found: 72, refused: 11 }],
  ] as const)(
    'of Wycheproof for HKDF with %s are found, as far as one block goes',
    async (hash, file, blockLength, expected) => {
      const { testGroups } = read(
        `wycheproof/${file}`,
        z.object({
          testGroups: z.array(
            z.object({
              tests: z.array(
                z.object({
                  tcId: z.number(),
                  ikm: hex,
                  salt: hex,
                  info: hex,
                  size: z.number(),
                  okm: hex,
                  result: z.enum(['valid', 'invalid']),
                }),
              ),
            }),
          ),
        }),
      );
      const counts = { found: 0, refused: 0 };
      for (const { tcId, ikm, salt, info, size, okm, result } of testGroups.flatMap(({ tests }) => tests)) {
        const prk = await hkdfExtract(hash, salt, ikm);
        if (size > blockLength || result === 'invalid') {
          await expect(hkdfExpand(hash, prk, info, size)).rejects.toBeInstanceOf(RangeError);
          counts.refused += 1;
          continue;
        }
        expect({ tcId, okm: Buffer.from(await hkdfExpand(hash, prk, info, size)) }).toEqual({ tcId, okm });
        counts.found += 1;
      }
      expect(counts).toEqual(expected);
    },
  );
});
