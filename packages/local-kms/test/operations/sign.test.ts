import { constants, createHash, createPublicKey, generateKeyPair, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import {
  CreateKeyCommand,
  GetPublicKeyCommand,
  type KeySpec,
  SignCommand,
  type SigningAlgorithmSpec,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms, type TestKms } from '../fixtures/kms.ts';

const newKeyPair = promisify(generateKeyPair);
const Message = new TextEncoder().encode('a message');
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

const ROWS: readonly (readonly [KeySpec, SigningAlgorithmSpec, string, object])[] = [
  ...([256, 384, 512] as const).flatMap((bits) => [
    ['RSA_2048', `RSASSA_PKCS1_V1_5_SHA_${bits}`, `sha${bits}`, {}] as const,
    ['RSA_2048', `RSASSA_PSS_SHA_${bits}`, `sha${bits}`, pss] as const,
  ]),
  ['RSA_3072', 'RSASSA_PSS_SHA_384', 'sha384', pss],
  ['RSA_4096', 'RSASSA_PSS_SHA_512', 'sha512', pss],
  ['ECC_NIST_P256', 'ECDSA_SHA_256', 'sha256', {}],
  ['ECC_NIST_P384', 'ECDSA_SHA_384', 'sha384', {}],
  ['ECC_NIST_P521', 'ECDSA_SHA_512', 'sha512', {}],
  ['ECC_SECG_P256K1', 'ECDSA_SHA_256', 'sha256', {}],
];

async function signingKey({ client, createKey }: TestKms, KeySpec: KeySpec) {
  const KeyId = await createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
  const der = Buffer.from(present(PublicKey));
  return { KeyId, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

describe('Sign and Verify', () => {
  test.each(ROWS)('agree with node:crypto: %s with %s', async (spec, SigningAlgorithm, hash, options) => {
    const kms = await startKms();
    const { KeyId, publicKey } = await signingKey(kms, spec);
    const digest = createHash(hash).update(Message).digest();
    for (const input of [
      { Message, MessageType: 'RAW' },
      { Message },
      { Message: digest, MessageType: 'DIGEST' },
    ] as const) {
      const signed = await kms.client.send(new SignCommand({ KeyId, SigningAlgorithm, ...input }));
      const Signature = present(signed.Signature);
      expect(verify(hash, Message, { key: publicKey, ...options }, Signature)).toBe(true);
      for (const again of [{ Message }, { Message: digest, MessageType: 'DIGEST' }] as const) {
        const command = new VerifyCommand({ KeyId, SigningAlgorithm, Signature, ...again });
        expect(await kms.client.send(command)).toMatchObject({ SignatureValid: true, SigningAlgorithm });
        const changed = Uint8Array.from(again.Message, (byte, i) => (i === 0 ? byte ^ 1 : byte));
        const wrong = new VerifyCommand({ ...command.input, Message: changed });
        expect(await refusal(kms.client.send(wrong))).toBe('KMSInvalidSignatureException');
      }
    }
  });

  test('sign messages, not digests, with Ed25519', async () => {
    const kms = await startKms();
    const { KeyId, publicKey } = await signingKey(kms, 'ECC_NIST_EDWARDS25519');
    const SigningAlgorithm = 'ED25519_SHA_512';
    const { Signature } = await kms.client.send(new SignCommand({ KeyId, Message, SigningAlgorithm }));
    expect(verify(null, Message, publicKey, present(Signature))).toBe(true);
    const input = { KeyId, Message, SigningAlgorithm, Signature } as const;
    expect(await kms.client.send(new VerifyCommand(input))).toMatchObject({ SignatureValid: true });
    const digest = { KeyId, Message: new Uint8Array(64), MessageType: 'DIGEST' } as const;
    const hashed = new SignCommand({ ...digest, SigningAlgorithm });
    expect(await refusal(kms.client.send(hashed))).toBe('ValidationException');
  });

  test('sign digests, not messages, with Ed25519ph, and hash them once more', async () => {
    const kms = await startKms();
    const { KeyId, publicKey } = await signingKey(kms, 'ECC_NIST_EDWARDS25519');
    const input = { KeyId, MessageType: 'DIGEST', SigningAlgorithm: 'ED25519_PH_SHA_512' } as const;
    const digest = createHash('sha512').update(Message).digest();
    const { Signature } = await kms.client.send(new SignCommand({ ...input, Message: digest }));
    const point = Buffer.from(present(publicKey.export({ format: 'jwk' }).x), 'base64url');
    expect(ed25519ph.verify(present(Signature), digest, point)).toBe(true);
    const verified = new VerifyCommand({ ...input, Message: digest, Signature });
    expect(await kms.client.send(verified)).toMatchObject({ SignatureValid: true });
    for (const [change, name] of [
      [{ Message: createHash('sha512').digest() }, 'KMSInvalidSignatureException'],
      [{ Signature: new Uint8Array(1) }, 'KMSInvalidSignatureException'],
      [{ MessageType: 'RAW' }, 'ValidationException'],
      [{ Message: digest.subarray(1) }, 'ValidationException'],
    ] as const) {
      const command = new VerifyCommand({ ...verified.input, ...change });
      expect(await refusal(kms.client.send(command))).toBe(name);
    }
  });

  test.each([
    ['RSA_2048', 'RSASSA_PSS_SHA_256', pss],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', {}],
    ['ECC_NIST_P256', 'ECDSA_SHA_256', {}],
  ] as const)('hold a signature to its %s key and to %s', async (spec, SigningAlgorithm, options) => {
    const kms = await startKms();
    const { KeyId } = await signingKey(kms, spec);
    const digest = createHash('sha256').update(Message).digest();
    const { privateKey } = spec.startsWith('RSA')
      ? await newKeyPair('rsa', { modulusLength: 2048 })
      : await newKeyPair('ec', { namedCurve: 'P-256' });
    for (const Signature of [
      sign('sha256', Message, { key: privateKey, ...options }),
      new Uint8Array(256),
      new Uint8Array(256).fill(0xff),
      new Uint8Array(1),
    ]) {
      for (const input of [{ Message }, { Message: digest, MessageType: 'DIGEST' }] as const) {
        const command = new VerifyCommand({ KeyId, SigningAlgorithm, Signature, ...input });
        expect(await refusal(kms.client.send(command))).toBe('KMSInvalidSignatureException');
      }
    }
  });

  test.each([
    ['ValidationException', { MessageType: 'DIGEST' }],
    ['ValidationException', { MessageType: 'EXTERNAL_MU' }],
    ['InvalidKeyUsageException', { SigningAlgorithm: 'ECDSA_SHA_384' }],
    ['InvalidKeyUsageException', { SigningAlgorithm: 'RSASSA_PSS_SHA_256' }],
    ['DryRunOperationException', { DryRun: true }],
    ['ValidationException', { DryRun: true, MessageType: 'DIGEST' }],
    ['ValidationException', { DryRun: true, MessageType: 'EXTERNAL_MU' }],
    ['NotFoundException', { KeyId: 'alias/none' }],
  ] as const)('are answered with %s: %j', async (name, change) => {
    const kms = await startKms();
    const { KeyId } = await signingKey(kms, 'ECC_NIST_P256');
    const input = { KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256', ...change } as const;
    expect(await refusal(kms.client.send(new SignCommand(input)))).toBe(name);
    const verify = new VerifyCommand({ ...input, Signature: new Uint8Array(64) });
    expect(await refusal(kms.client.send(verify))).toBe(name);
  });

  test.each([
    [0, 'no exception'],
    [4096, 'no exception'],
    [4097, 'ValidationException'],
  ])('take %i bytes: %s', async (length, name) => {
    const kms = await startKms();
    const { KeyId } = await signingKey(kms, 'ECC_NIST_P256');
    const SigningAlgorithm = 'ECDSA_SHA_256';
    const command = new SignCommand({ KeyId, Message: new Uint8Array(length), SigningAlgorithm });
    expect(await refusal(kms.client.send(command))).toBe(name);
  });

  test('refuse keys of another usage', async () => {
    const { client, createKey } = await startKms();
    for (const KeyId of [
      await createKey(),
      await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }),
    ]) {
      const command = new SignCommand({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' });
      expect(await refusal(client.send(command))).toBe('InvalidKeyUsageException');
    }
  });

  test('go with what the metadata of a key lists', async () => {
    const { client } = await startKms();
    const create = new CreateKeyCommand({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' });
    const { KeyMetadata } = await client.send(create);
    expect(KeyMetadata?.SigningAlgorithms).toHaveLength(6);
    expect(KeyMetadata).not.toHaveProperty('EncryptionAlgorithms');
  });
});
