import {
  CreateGrantCommand,
  DecapsulateCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncapsulateCommand,
  GenerateDataKeyPairCommand,
  GetPublicKeyCommand,
} from '@aws-sdk/client-kms';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { describe, expect, test } from 'vitest';
import { present, refusal, refusals, startKms, type TestKms } from '../fixtures/kms.ts';

const EncapsulationAlgorithm = 'ML_KEM';
const ROWS = [
  ['ML_KEM_512', ml_kem512, 768],
  ['ML_KEM_768', ml_kem768, 1088],
  ['ML_KEM_1024', ml_kem1024, 1568],
] as const;

const kemKey = ({ createKey }: TestKms, KeySpec: (typeof ROWS)[number][0]) =>
  createKey({ KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' });

describe('Encapsulate and Decapsulate', () => {
  test.each(ROWS)('agree with each other and with the holder of the public key: %s', async (...row) => {
    const [spec, algorithm, length] = row;
    const kms = await startKms();
    const KeyId = await kemKey(kms, spec);
    const { KeyMetadata } = await kms.client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ KeySpec: spec, EncapsulationAlgorithms: ['ML_KEM'] });
    const made = await kms.client.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
    expect(made).toMatchObject({ KeyId: KeyMetadata?.Arn, EncapsulationAlgorithm });
    expect(made.SharedSecret).toHaveLength(32);
    expect(made.SharedSecretCiphertextBlob).toHaveLength(length);

    const answer = await kms.client.send(new GetPublicKeyCommand({ KeyId }));
    expect(answer.EncapsulationAlgorithms).toEqual(['ML_KEM']);
    const publicKey = present(answer.PublicKey).slice(-(algorithm.lengths.publicKey ?? 0));
    const elsewhere = algorithm.encapsulate(publicKey);
    for (const { SharedSecret, SharedSecretCiphertextBlob } of [
      made,
      { SharedSecret: elsewhere.sharedSecret, SharedSecretCiphertextBlob: elsewhere.cipherText },
    ]) {
      const command = new DecapsulateCommand({ KeyId, SharedSecretCiphertextBlob, EncapsulationAlgorithm });
      expect(await kms.client.send(command)).toMatchObject({ SharedSecret, EncapsulationAlgorithm });
    }
  });

  test('make another secret each time', async () => {
    const kms = await startKms();
    const command = new EncapsulateCommand({
      KeyId: await kemKey(kms, 'ML_KEM_512'),
      EncapsulationAlgorithm,
    });
    const [one, other] = [await kms.client.send(command), await kms.client.send(command)];
    expect(one.SharedSecret).not.toEqual(other.SharedSecret);
  });

  test('answer a changed ciphertext with another secret, always the same, and one of another length with an exception', async () => {
    const kms = await startKms();
    const KeyId = await kemKey(kms, 'ML_KEM_768');
    const made = await kms.client.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
    const blob = present(made.SharedSecretCiphertextBlob);
    const decapsulate = (SharedSecretCiphertextBlob: Uint8Array, DryRun = false) => {
      const input = { KeyId, SharedSecretCiphertextBlob, EncapsulationAlgorithm, DryRun } as const;
      return kms.client.send(new DecapsulateCommand(input));
    };
    const changed = Uint8Array.from(blob, (byte, i) => (i === 7 ? byte ^ 1 : byte));
    const [first, second] = [await decapsulate(changed), await decapsulate(changed)];
    expect(first.SharedSecret).toHaveLength(32);
    expect(first.SharedSecret).toEqual(second.SharedSecret);
    expect(first.SharedSecret).not.toEqual(made.SharedSecret);
    expect(
      await refusals([
        decapsulate(blob.slice(1)),
        decapsulate(blob.slice(1), true),
        decapsulate(new Uint8Array(768)),
        decapsulate(new Uint8Array()),
      ]),
    ).toEqual([
      'InvalidCiphertextException',
      'InvalidCiphertextException',
      'InvalidCiphertextException',
      'ValidationException',
    ]);
  });

  test('are for keys of their usage, which are enabled, and answer a dry run', async () => {
    const kms = await startKms();
    const [KeyId, symmetric] = [await kemKey(kms, 'ML_KEM_512'), await kms.createKey()];
    const encapsulate = (id: string, DryRun = false) =>
      refusal(kms.client.send(new EncapsulateCommand({ KeyId: id, EncapsulationAlgorithm, DryRun })));
    const decapsulate = (id: string, DryRun = false) => {
      const SharedSecretCiphertextBlob = new Uint8Array(768);
      const input = { KeyId: id, SharedSecretCiphertextBlob, EncapsulationAlgorithm, DryRun } as const;
      return refusal(kms.client.send(new DecapsulateCommand(input)));
    };
    for (const call of [encapsulate, decapsulate]) {
      expect(await call(symmetric)).toBe('InvalidKeyUsageException');
      expect(await call(KeyId, true)).toBe('DryRunOperationException');
      expect(await call('alias/none')).toBe('NotFoundException');
    }
    await kms.client.send(new DisableKeyCommand({ KeyId }));
    for (const call of [encapsulate, decapsulate]) expect(await call(KeyId)).toBe('DisabledException');
  });

  test('can be granted on their keys, as encryption cannot', async () => {
    const kms = await startKms();
    const KeyId = await kemKey(kms, 'ML_KEM_512');
    const GranteePrincipal = 'arn:aws:iam::111122223333:user/alana';
    const grant = (operation: 'Decapsulate' | 'Encrypt') =>
      refusal(kms.client.send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: [operation] })));
    expect(await grant('Decapsulate')).toBe('no exception');
    expect(await grant('Encrypt')).toBe('ValidationException');
  });
});

describe('a data key pair of ML-KEM', () => {
  test.each(ROWS)('is a seed in PKCS #8, of one length for all specs: %s', async (KeyPairSpec, algorithm) => {
    const { client, createKey } = await startKms();
    const pair = await client.send(new GenerateDataKeyPairCommand({ KeyId: await createKey(), KeyPairSpec }));
    const CiphertextBlob = pair.PrivateKeyCiphertextBlob;
    const { Plaintext } = await client.send(new DecryptCommand({ CiphertextBlob }));
    const pkcs8 = present(Plaintext);
    expect(pkcs8).toEqual(pair.PrivateKeyPlaintext);
    expect(pkcs8).toHaveLength(86);
    const { publicKey } = algorithm.keygen(pkcs8.slice(-64));
    expect(present(pair.PublicKey).slice(-publicKey.length)).toEqual(publicKey);
  });
});
