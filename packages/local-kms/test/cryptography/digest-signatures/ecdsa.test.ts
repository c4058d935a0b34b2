import { createHash, createPublicKey, generateKeyPair, sign, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { signEcdsaDigest, verifyEcdsaDigest } from '../../../src/cryptography/digest-signatures/ecdsa.ts';

const VECTORS = `${process.env['HOLDFAST_VECTORS'] ?? '../shared/vectors'}/wycheproof`;

describe('ECDSA over a digest', () => {
  test.each([
    ['prime256v1', 'sha256'],
    ['secp384r1', 'sha384'],
    ['secp521r1', 'sha512'],
    ['secp256k1', 'sha256'],
  ])('on %s is what node:crypto makes of the message, both ways', async (namedCurve, hash) => {
    const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve });
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(), (message, position) => {
        const digest = createHash(hash).update(message).digest();
        expect(verify(hash, message, publicKey, signEcdsaDigest(privateKey, digest))).toBe(true);
        const signature = sign(hash, message, privateKey);
        expect(verifyEcdsaDigest(publicKey, signature, digest)).toBe(true);
        const at = position % digest.length;
        digest.writeUInt8(digest.readUInt8(at) ^ 1, at);
        expect(verifyEcdsaDigest(publicKey, signature, digest)).toBe(false);
      }),
      { numRuns: 10 },
    );
  });

  test.skipIf(!existsSync(VECTORS)).each([
    ['ecdsa_secp256r1_sha256_test.json', 'sha256'],
    ['ecdsa_secp384r1_sha384_test.json', 'sha384'],
  ])('decides the cases of Wycheproof, %s', (file, hash) => {
    const { testGroups } = wycheproof.parse(JSON.parse(readFileSync(`${VECTORS}/${file}`, 'utf8')));
    let cases = 0;
    for (const { publicKeyDer, tests } of testGroups) {
      const key = createPublicKey({ key: publicKeyDer, format: 'der', type: 'spki' });
      for (const { tcId, msg, sig, result } of tests) {
        const digest = createHash(hash).update(msg).digest();
        expect({ tcId, valid: verifyEcdsaDigest(key, sig, digest) }).toEqual({
          tcId,
          valid: result === 'valid',
        });
        cases += 1;
      }
    }
    expect(cases).toBeGreaterThan(400);
  });
});

const hex = z.string().transform((text) => Buffer.from(text, 'hex'));
const wycheproof = z.object({
  testGroups: z.array(
    z.object({
      publicKeyDer: hex,
      tests: z.array(z.object({ tcId: z.number(), msg: hex, sig: hex, result: z.string() })),
    }),
  ),
});
