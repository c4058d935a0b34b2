import { createHash, randomBytes } from 'node:crypto';
import { GetPublicKeyCommand, type KeySpec, SignCommand, VerifyCommand } from '@aws-sdk/client-kms';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { describe, expect, test } from 'vitest';
import { importMaterial } from '../fixtures/imports.ts';
import { present, refusal, startKms, type TestKms } from '../fixtures/kms.ts';

const Message = new TextEncoder().encode('a message');
const SigningAlgorithm = 'ML_DSA_SHAKE_256';

const ROWS = [
  ['ML_DSA_44', ml_dsa44, 2420],
  ['ML_DSA_65', ml_dsa65, 3309],
  ['ML_DSA_87', ml_dsa87, 4627],
] as const;

/** The key itself, at the end of its SubjectPublicKeyInfo. */
async function publicKeyOf({ client }: TestKms, KeyId: string, length: number): Promise<Uint8Array> {
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
  return present(PublicKey).slice(-length);
}

/** What a message is hashed to with an empty context (FIPS 204, section 5.2, and section 6.2, line 6). */
function mu(publicKey: Uint8Array, message: Uint8Array): Buffer {
  const shake = (...parts: readonly Uint8Array[]) =>
    createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest();
  return shake(shake(publicKey), Buffer.of(0, 0), message);
}

const signingKey = ({ createKey }: TestKms, KeySpec: KeySpec) =>
  createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' });

describe('Sign and Verify with ML-DSA', () => {
  test.each(ROWS)(
    'make signatures of FIPS 204, of messages and of μ: %s',
    async (spec, algorithm, length) => {
      const kms = await startKms();
      const KeyId = await signingKey(kms, spec);
      const publicKey = await publicKeyOf(kms, KeyId, algorithm.lengths.publicKey ?? 0);
      const inputs = [
        { Message, MessageType: 'RAW' },
        { Message: mu(publicKey, Message), MessageType: 'EXTERNAL_MU' },
      ] as const;
      for (const input of inputs) {
        const signed = await kms.client.send(new SignCommand({ KeyId, SigningAlgorithm, ...input }));
        const Signature = present(signed.Signature);
        expect(Signature).toHaveLength(length);
        expect(algorithm.verify(Signature, Message, publicKey)).toBe(true);
        for (const again of inputs) {
          const verified = new VerifyCommand({ KeyId, SigningAlgorithm, Signature, ...again });
          expect(await kms.client.send(verified)).toMatchObject({ SignatureValid: true, SigningAlgorithm });
          const changed = Uint8Array.from(again.Message, (byte, i) => (i === 0 ? byte ^ 1 : byte));
          const wrong = new VerifyCommand({ ...verified.input, Message: changed });
          expect(await refusal(kms.client.send(wrong))).toBe('KMSInvalidSignatureException');
        }
      }
    },
  );

  test('sign the same message in another way each time', async () => {
    const kms = await startKms();
    const sign = new SignCommand({ KeyId: await signingKey(kms, 'ML_DSA_44'), Message, SigningAlgorithm });
    const [one, other] = [await kms.client.send(sign), await kms.client.send(sign)];
    expect(one.Signature).not.toEqual(other.Signature);
  });

  test.each([
    ['ValidationException', { MessageType: 'DIGEST', Message: new Uint8Array(64) }],
    ['ValidationException', { MessageType: 'EXTERNAL_MU', Message: new Uint8Array(63) }],
    ['ValidationException', { Message: new Uint8Array(4097) }],
    ['InvalidKeyUsageException', { SigningAlgorithm: 'ECDSA_SHA_256' }],
    ['DryRunOperationException', { DryRun: true }],
    ['no exception', { Message: new Uint8Array(4096) }],
  ] as const)('are answered with %s: %j', async (name, change) => {
    const kms = await startKms();
    const KeyId = await signingKey(kms, 'ML_DSA_44');
    const command = new SignCommand({ KeyId, Message, SigningAlgorithm, ...change });
    expect(await refusal(kms.client.send(command))).toBe(name);
  });

  test('refuse what is no signature', async () => {
    const kms = await startKms();
    const KeyId = await signingKey(kms, 'ML_DSA_44');
    for (const Signature of [new Uint8Array(1), new Uint8Array(2420), new Uint8Array(2420).fill(0xff)]) {
      const command = new VerifyCommand({ KeyId, Message, SigningAlgorithm, Signature });
      expect(await refusal(kms.client.send(command))).toBe('KMSInvalidSignatureException');
    }
  });

  test('use the pair of an imported seed', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey({
      KeySpec: 'ML_DSA_65',
      KeyUsage: 'SIGN_VERIFY',
      Origin: 'EXTERNAL',
    });
    const seed = randomBytes(32);
    const pkcs8 = Buffer.concat([Buffer.from('3034020100300b06096086480165030403120422', 'hex'), seed]);
    const material = Buffer.concat([pkcs8.subarray(0, -32), Buffer.of(0x80, 32), seed]);
    await importMaterial(kms, KeyId, material);
    expect(await publicKeyOf(kms, KeyId, 1952)).toEqual(ml_dsa65.keygen(seed).publicKey);
    const foreign = importMaterial(kms, KeyId, pkcs8);
    expect(await refusal(foreign)).toBe('IncorrectKeyMaterialException');
  });
});
