import { createPublicKey, diffieHellman, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { DeriveSharedSecretCommand, GetPublicKeyCommand } from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { present, refusal, startKms } from '../fixtures/kms.ts';

const newKeyPair = promisify(generateKeyPair);
const keyPair = (namedCurve: string) => newKeyPair('ec', { namedCurve });
const spki = ({ publicKey }: { readonly publicKey: KeyObject }) =>
  publicKey.export({ format: 'der', type: 'spki' });

describe('DeriveSharedSecret', () => {
  test.each([
    ['ECC_NIST_P256', 'P-256', 32],
    ['ECC_NIST_P384', 'P-384', 48],
    ['ECC_NIST_P521', 'P-521', 66],
  ] as const)('of a %s key is what the peer derives', async (KeySpec, curve, length) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec, KeyUsage: 'KEY_AGREEMENT' });
    const peer = await keyPair(curve);
    const derived = await client.send(
      new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey: spki(peer) }),
    );
    const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
    const publicKey = createPublicKey({ key: Buffer.from(present(PublicKey)), format: 'der', type: 'spki' });
    const expected = diffieHellman({ privateKey: peer.privateKey, publicKey });
    expect(Buffer.from(present(derived.SharedSecret))).toEqual(expected);
    expect(derived.SharedSecret).toHaveLength(length);
    expect(derived).toMatchObject({ KeyAgreementAlgorithm: 'ECDH', KeyOrigin: 'AWS_KMS' });
  });

  test.each([false, true])('wipes the secret, dry run or not: %s', async (DryRun) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec: 'ECC_NIST_P521', KeyUsage: 'KEY_AGREEMENT' });
    const fill = vi.spyOn(Buffer.prototype, 'fill');
    onTestFinished(() => fill.mockRestore());
    const PublicKey = spki(await keyPair('P-521'));
    await refusal(
      client.send(new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey, DryRun })),
    );
    // Nothing else has this length.
    expect(fill.mock.contexts.filter(({ length }) => length === 66)).toEqual([Buffer.alloc(66)]);
  });

  test('refuses a public key of another curve, of no curve and that is none', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    const offCurve = Uint8Array.from(spki(await keyPair('P-256')));
    offCurve[offCurve.length - 1] = (offCurve.at(-1) ?? 0) ^ 1;
    for (const PublicKey of [
      // The point at infinity, of which Node 20 makes a key that ends the process when it is asked for its curve.
      Buffer.from('3019301306072a8648ce3d020106082a8648ce3d03010703020000', 'hex'),
      spki(await keyPair('P-384')),
      spki(await newKeyPair('x25519')),
      new Uint8Array(91),
      offCurve,
    ]) {
      const derive = new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey });
      expect(await refusal(client.send(derive))).toBe('ValidationException');
    }
  });

  test('refuses a key that is for encryption, and answers a dry run', async () => {
    const { client, createKey } = await startKms();
    const PublicKey = spki(await keyPair('P-256'));
    const derive = (KeyId: string, DryRun = false) =>
      refusal(
        client.send(
          new DeriveSharedSecretCommand({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey, DryRun }),
        ),
      );
    expect(await derive(await createKey())).toBe('InvalidKeyUsageException');
    const KeyId = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    expect(await derive(KeyId, true)).toBe('DryRunOperationException');
  });
});
