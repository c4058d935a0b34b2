import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { deriveSharedSecret, ecdhKeyPair } from '../../packages/keyrings/src/internal/ecdh/key-pair.ts';
import { ecdhPublicKey, publicKeyOfPoint } from '../../packages/keyrings/src/internal/ecdh/points.ts';
import { privateKeyObject, publicKeyObject } from '../../packages/keyrings/src/internal/key-object.ts';
import {
  isRsaPadding,
  type RsaPadding,
  rsaDecryption,
} from '../../packages/keyrings/src/internal/rsa/padding.ts';
import * as node from '../../packages/sdk/src/crypto/node.ts';
import * as web from '../../packages/sdk/src/crypto/web.ts';
import { needVectors, vectorsDirectory } from './manifest.ts';

const hex = z.string().transform((text) => Buffer.from(text, 'hex'));
const result = z.enum(['valid', 'invalid', 'acceptable']);

function groups<T extends z.ZodRawShape, G extends z.ZodRawShape>(file: string, test: T, group: G) {
  const tests = z.array(z.object({ tcId: z.number(), result, ...test }));
  const schema = z.object({ testGroups: z.array(z.object({ ...group, tests })) });
  return schema.parse(JSON.parse(readFileSync(join(vectorsDirectory, 'wycheproof', file), 'utf8')))
    .testGroups;
}

/** What was decrypted, or the name of the error. */
async function outcome(
  decrypt: (ciphertext: Uint8Array) => Promise<Uint8Array>,
  ciphertext: Uint8Array,
): Promise<string> {
  try {
    return Buffer.from(await decrypt(ciphertext)).toString('hex');
  } catch (error) {
    return error instanceof Error ? error.name : 'no error';
  }
}

// Hundreds of keys are read and used: seconds, and on a busy machine many.
const RSA_TIME = { timeout: 300_000 };

describe('the cases of Project Wycheproof', () => {
  beforeEach(needVectors);

  it.each([
    ['rsa_oaep_2048_sha1_mgf1sha1_test.json', { opened: 10, refused: 26 }],
    ['rsa_oaep_2048_sha256_mgf1sha256_test.json', { opened: 10, refused: 27 }],
    ['rsa_oaep_2048_sha384_mgf1sha384_test.json', { opened: 10, refused: 24 }],
    ['rsa_oaep_2048_sha512_mgf1sha512_test.json', { opened: 10, refused: 23 }],
    ['rsa_oaep_3072_sha256_mgf1sha256_test.json', { opened: 10, refused: 27 }],
    ['rsa_oaep_4096_sha256_mgf1sha256_test.json', { opened: 10, refused: 27 }],
    ['rsa_oaep_misc_test.json', { opened: 63, refused: 272 }],
  ] as const)(
    'for OAEP are all answered right by the raw RSA keyring: %s',
    RSA_TIME,
    async (file, expected) => {
      const counts = { opened: 0, refused: 0 };
      const test = { msg: hex, ct: hex, label: z.string() };
      for (const group of groups(file, test, {
        sha: z.string(),
        mgfSha: z.string(),
        privateKeyPem: z.string(),
      })) {
        const padding = `OAEP-${group.sha}`;
        // SHA-224, which the keyring does not have.
        if (!isRsaPadding(padding)) continue;
        const decrypt = rsaDecryption(padding, privateKeyObject('privateKey', group.privateKeyPem));
        for (const { tcId, result, msg, ct, label } of group.tests) {
          // The keyring knows no labels, and no second hash.
          const isOurs = result === 'valid' && label === '' && group.sha === group.mgfSha;
          const found = await outcome(decrypt, ct);
          expect({ tcId, found }).toEqual({ tcId, found: isOurs ? msg.toString('hex') : 'KeyringError' });
          counts[isOurs ? 'opened' : 'refused'] += 1;
        }
      }
      expect(counts).toEqual(expected);
    },
  );

  it.each([
    ['rsa_pkcs1_2048_test.json', { opened: 42, refused: 6, rejectedImplicitly: 19 }],
    ['rsa_pkcs1_3072_test.json', { opened: 41, refused: 6, rejectedImplicitly: 20 }],
    ['rsa_pkcs1_4096_test.json', { opened: 41, refused: 6, rejectedImplicitly: 20 }],
  ] as const)(
    'for PKCS #1 v1.5 are all answered right by the raw RSA keyring: %s',
    RSA_TIME,
    async (file, expected) => {
      const counts = { opened: 0, refused: 0, rejectedImplicitly: 0 };
      const test = { msg: hex, ct: hex, flags: z.array(z.string()) };
      const padding: RsaPadding = 'PKCS1-v1_5';
      for (const { privateKeyPem, tests } of groups(file, test, { privateKeyPem: z.string() })) {
        const decrypt = rsaDecryption(padding, privateKeyObject('privateKey', privateKeyPem));
        for (const { tcId, result, msg, ct, flags } of tests) {
          const found = await outcome(decrypt, ct);
          if (result === 'valid') {
            expect({ tcId, found }).toEqual({ tcId, found: msg.toString('hex') });
            counts.opened += 1;
          } else if (flags.includes('InvalidCiphertextFormat')) {
            expect({ tcId, found }).toEqual({ tcId, found: 'KeyringError' });
            counts.refused += 1;
          } else {
            // Random bytes, of a length that says nothing.
            expect({ tcId, isHex: /^([0-9a-f]{2})*$/.test(found) }).toEqual({ tcId, isHex: true });
            expect(found).not.toBe(msg.toString('hex'));
            counts.rejectedImplicitly += 1;
          }
        }
      }
      expect(counts).toEqual(expected);
    },
  );

  it.each([
    ['P-256', 'ecdh_secp256r1_ecpoint_test.json', { agreed: 331, refused: 24 }],
    ['P-384', 'ecdh_secp384r1_ecpoint_test.json', { agreed: 772, refused: 18 }],
    ['P-521', 'ecdh_secp521r1_ecpoint_test.json', { agreed: 633, refused: 28 }],
  ] as const)(
    'for ECDH on %s are all answered right by the ECDH keyrings',
    { timeout: 300_000 },
    (curve, file, expected) => {
      const counts = { agreed: 0, refused: 0 };
      const tests = groups(file, { public: hex, private: hex, shared: hex }, {}).flatMap(
        ({ tests }) => tests,
      );
      for (const { tcId, result, public: point, private: scalar, shared } of tests) {
        const own = keyPair(curve, scalar);
        // As a caller gives a public key, and as it stands in a message.
        const given = parsedPublicKey(curve, point);
        const inMessage = publicKeyOfPoint(curve, compressed(point));
        if (result === 'invalid') {
          expect({ tcId, given }).toEqual({ tcId, given: undefined });
          // Compressed, a point off the curve would be another one.
          if (point[0] !== 4) expect({ tcId, inMessage }).toEqual({ tcId, inMessage: undefined });
          counts.refused += 1;
        } else {
          const found = given && Buffer.from(deriveSharedSecret(own, given));
          expect({ tcId, found }).toEqual({ tcId, found: shared });
          expect(inMessage?.point).toEqual(given?.point);
          counts.agreed += 1;
        }
      }
      expect(counts).toEqual(expected);
    },
  );

  it.each([
    ['SHA-256', 'hmac_sha256_test.json'],
    ['SHA-384', 'hmac_sha384_test.json'],
  ] as const)('for HMAC with %s are all answered right by both providers', async (hash, file) => {
    const counts = { valid: 0, invalid: 0, acceptable: 0 };
    const test = { key: hex, msg: hex, tag: hex };
    for (const { tcId, key, msg, tag, result } of groups(file, test, {}).flatMap(({ tests }) => tests)) {
      for (const provider of [node, web]) {
        const mac = Buffer.from(await provider.hmac(hash, key, msg)).subarray(0, tag.length);
        expect({ tcId, isSame: mac.equals(tag) }).toEqual({ tcId, isSame: result === 'valid' });
      }
      counts[result] += 1;
    }
    expect(counts).toEqual({ valid: 66, invalid: 108, acceptable: 0 });
  });
});

type Curve = keyof typeof CURVES;

function keyPair(curve: Curve, scalar: Buffer) {
  const { oid, coordinateLength } = CURVES[curve];
  // Scalars come as signed numbers: with a zero in front, or short.
  const d = Buffer.concat([Buffer.alloc(coordinateLength), scalar]).subarray(-coordinateLength);
  const content = [Buffer.of(2, 1, 1), der(0x04, d), der(0xa0, Buffer.from(oid, 'hex'))];
  const key = der(0x30, Buffer.concat(content));
  const pair = ecdhKeyPair(createPrivateKey({ key, format: 'der', type: 'sec1' }));
  if (pair === undefined) throw new Error('no key pair');
  return pair;
}

function parsedPublicKey(curve: Curve, point: Buffer) {
  const algorithm = der(0x30, Buffer.from(ID_EC_PUBLIC_KEY + CURVES[curve].oid, 'hex'));
  const bits = der(0x03, Buffer.concat([Buffer.of(0), point]));
  try {
    return ecdhPublicKey(publicKeyObject('publicKey', der(0x30, Buffer.concat([algorithm, bits]))));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function compressed(point: Buffer): Uint8Array {
  if (point[0] !== 4) return Uint8Array.from(point);
  return Uint8Array.of(2 + ((point.at(-1) ?? 0) & 1), ...point.subarray(1, (point.length + 1) / 2));
}

function der(tag: number, content: Buffer): Buffer {
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Buffer.of(tag, ...length), content]);
}

const ID_EC_PUBLIC_KEY = '06072a8648ce3d0201';
const CURVES = {
  'P-256': { coordinateLength: 32, oid: '06082a8648ce3d030107' },
  'P-384': { coordinateLength: 48, oid: '06052b81040022' },
  'P-521': { coordinateLength: 66, oid: '06052b81040023' },
} as const;
