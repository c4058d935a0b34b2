import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  DecapsulateCommand,
  DescribeKeyCommand,
  EncapsulateCommand,
  GenerateDataKeyPairCommand,
  GetPublicKeyCommand,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, present, refuses } from '../probe.ts';

const Message = new Uint8Array([1, 2, 3]);
const SigningAlgorithm = 'ML_DSA_SHAKE_256';
const EncapsulationAlgorithm = 'ML_KEM';
/** The public key is the end of a SubjectPublicKeyInfo. */
const ML_DSA_SIZES = [
  ['ML_DSA_44', 1312, 2420],
  ['ML_DSA_65', 1952, 3309],
  ['ML_DSA_87', 2592, 4627],
] as const;
const ML_KEM_CIPHERTEXTS = [
  ['ML_KEM_512', 768],
  ['ML_KEM_768', 1088],
  ['ML_KEM_1024', 1568],
] as const;

const shake = (...parts: readonly Uint8Array[]) =>
  createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest();

export const postQuantumProbes: readonly Probe[] = [
  {
    title: 'an ML-DSA key signs messages, and μ instead of them (FIPS 204)',
    async run(target) {
      for (const [KeySpec, publicKeyBytes, signatureBytes] of ML_DSA_SIZES) {
        const KeyId = await createKey(target, { KeySpec, KeyUsage: 'SIGN_VERIFY' });
        const { PublicKey } = await target.client.send(new GetPublicKeyCommand({ KeyId }));
        const publicKey = present(PublicKey).slice(-publicKeyBytes);
        const mu = shake(shake(publicKey), Buffer.of(0, 0), Message);
        const inputs = [
          { Message, MessageType: 'RAW' },
          { Message: mu, MessageType: 'EXTERNAL_MU' },
        ] as const;
        for (const input of inputs) {
          const sign = new SignCommand({ KeyId, SigningAlgorithm, ...input });
          const { Signature } = await target.client.send(sign);
          assert.equal(present(Signature).length, signatureBytes);
          for (const again of inputs) {
            const verify = new VerifyCommand({ KeyId, SigningAlgorithm, Signature, ...again });
            assert.equal((await target.client.send(verify)).SignatureValid, true);
          }
        }
        const digest = new SignCommand({ KeyId, SigningAlgorithm, Message: mu, MessageType: 'DIGEST' });
        await refuses('ValidationException', target.client.send(digest));
      }
    },
  },
  {
    title: 'an ML-KEM key recovers the secret that its public key encapsulated (FIPS 203)',
    async run(target) {
      for (const [KeySpec, ciphertextBytes] of ML_KEM_CIPHERTEXTS) {
        const KeyId = await createKey(target, { KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' });
        const { KeyMetadata } = await target.client.send(new DescribeKeyCommand({ KeyId }));
        assert.deepEqual(KeyMetadata?.EncapsulationAlgorithms, [EncapsulationAlgorithm]);
        const made = await target.client.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
        const { SharedSecret, SharedSecretCiphertextBlob } = made;
        assert.equal(present(SharedSecret).length, 32);
        assert.equal(present(SharedSecretCiphertextBlob).length, ciphertextBytes);
        const decapsulate = new DecapsulateCommand({
          KeyId,
          EncapsulationAlgorithm,
          SharedSecretCiphertextBlob,
        });
        assert.deepEqual((await target.client.send(decapsulate)).SharedSecret, SharedSecret);
      }
    },
  },
  {
    title: 'a changed encapsulation gives another secret, and one of another length an exception',
    async run(target) {
      const KeyId = await createKey(target, { KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' });
      const made = await target.client.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
      const blob = present(made.SharedSecretCiphertextBlob);
      const decapsulate = (SharedSecretCiphertextBlob: Uint8Array) =>
        target.client.send(
          new DecapsulateCommand({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob }),
        );
      const changed = await decapsulate(blob.map((byte, index) => (index === 0 ? byte ^ 1 : byte)));
      assert.equal(present(changed.SharedSecret).length, 32);
      assert.notDeepEqual(changed.SharedSecret, made.SharedSecret);
      await refuses('InvalidCiphertextException', decapsulate(blob.subarray(1)));
    },
  },
  {
    title: 'a data key pair of ML-KEM is a seed, as long for every spec',
    async run(target) {
      const KeyId = await createKey(target);
      for (const [KeyPairSpec] of ML_KEM_CIPHERTEXTS) {
        const pair = await target.client.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec }));
        assert.equal(present(pair.PrivateKeyPlaintext).length, 86);
      }
    },
  },
];
