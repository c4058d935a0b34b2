import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { foreignMaterial } from '../../../src/keys/key-specs.ts';
import { ecPrivateKey, POINT_AT_INFINITY } from '../../fixtures/imports.ts';

const pkcs8Of = (key: KeyObject) => key.export({ format: 'der', type: 'pkcs8' });
const newKeyPair = promisify(generateKeyPair);
const rsaKey = async () => (await newKeyPair('rsa', { modulusLength: 2048 })).privateKey;
/** A private key on P-256, and its public key as an uncompressed point. */
async function scalarAndPoint() {
  const { privateKey } = await newKeyPair('ec', { namedCurve: 'P-256' });
  const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const [scalar, ...coordinates] = [d, x, y].map((text) => Buffer.from(text, 'base64url'));
  return { scalar: scalar ?? Buffer.alloc(0), point: Buffer.concat([Buffer.of(4), ...coordinates]) };
}

const { scalar, point } = await scalarAndPoint();
const { scalar: anotherScalar } = await scalarAndPoint();
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');

describe('material that was made elsewhere', () => {
  test.each([
    ['with its public key', ecPrivateKey(scalar, point)],
    ['without a public key', ecPrivateKey(scalar)],
  ])('is a private key on a curve %s', (_title, pkcs8) => {
    expect(foreignMaterial('ECC_NIST_P256', pkcs8)).toMatchObject({ type: 'pair' });
  });

  test.each([
    ['with the point at infinity for its public key', ecPrivateKey(scalar, POINT_AT_INFINITY)],
    ["with another's public key", ecPrivateKey(anotherScalar, point)],
    ['that is 0', ecPrivateKey(Buffer.alloc(32), point)],
    ['that is 0, without a public key', ecPrivateKey(Buffer.alloc(32))],
    ['that is the order of the curve', ecPrivateKey(ORDER, point)],
    ['that is the order of the curve, without a public key', ecPrivateKey(ORDER)],
    ['that is empty', ecPrivateKey(Buffer.alloc(0), point)],
    ['that is empty, without a public key', ecPrivateKey(Buffer.alloc(0))],
  ])('is no private key on a curve %s', (_title, pkcs8) => {
    expect(foreignMaterial('ECC_NIST_P256', pkcs8)).toBeUndefined();
  });

  test("is an RSA private key, and none with another's modulus", async () => {
    const [one, other] = await Promise.all([rsaKey(), rsaKey()]);
    expect(foreignMaterial('RSA_2048', pkcs8Of(one))).toMatchObject({ type: 'pair' });
    const { n = '' } = other.export({ format: 'jwk' });
    const mixed = { ...one.export({ format: 'jwk' }), n };
    const key = createPrivateKey({ format: 'jwk', key: mixed });
    expect(foreignMaterial('RSA_2048', pkcs8Of(key))).toBeUndefined();
  });

  test('is an Ed25519 private key', async () => {
    const { privateKey } = await newKeyPair('ed25519');
    expect(foreignMaterial('ECC_NIST_EDWARDS25519', pkcs8Of(privateKey))).toMatchObject({ type: 'pair' });
  });
});
