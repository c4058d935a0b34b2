import assert from 'node:assert/strict';
import {
  constants,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  type KeyObject,
  publicEncrypt,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  type KeySpec,
  SignCommand,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, present, refuses, type Target } from '../probe.ts';

const Message = new Uint8Array([1, 2, 3]);

async function publicKeyOf({ client }: Target, KeyId: string): Promise<KeyObject> {
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
  return createPublicKey({ key: Buffer.from(present(PublicKey)), format: 'der', type: 'spki' });
}

const signingKey = (target: Target, spec: KeySpec) =>
  createKey(target, { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' });

export const asymmetricProbes: readonly Probe[] = [
  {
    title: 'an RSA key decrypts what the holder of its public key encrypted elsewhere',
    async run(target) {
      const KeyId = await createKey(target, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
      const key = await publicKeyOf(target, KeyId);
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const CiphertextBlob = publicEncrypt({ key, padding, oaepHash: 'sha256' }, Message);
      const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
      const decrypt = new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm });
      assert.deepEqual((await target.client.send(decrypt)).Plaintext, Message);
    },
  },
  {
    title: 'an RSA key takes no encryption context, and as many bytes as OAEP has room for',
    async run(target) {
      const KeyId = await createKey(target, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
      const input = { KeyId, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } as const;
      const encrypt = (length: number, EncryptionContext?: Record<string, string>) =>
        target.client.send(
          new EncryptCommand({ ...input, Plaintext: new Uint8Array(length), EncryptionContext }),
        );
      await encrypt(190);
      await refuses('ValidationException', encrypt(191));
      await refuses('ValidationException', encrypt(1, { a: 'b' }));
    },
  },
  {
    title: 'a signature of another message is an exception, not an answer',
    async run(target) {
      const KeyId = await signingKey(target, 'ECC_NIST_P256');
      const SigningAlgorithm = 'ECDSA_SHA_256';
      const { Signature } = await target.client.send(new SignCommand({ KeyId, Message, SigningAlgorithm }));
      const verified = new VerifyCommand({ KeyId, Message, SigningAlgorithm, Signature });
      assert.equal((await target.client.send(verified)).SignatureValid, true);
      const other = new VerifyCommand({ ...verified.input, Message: new Uint8Array([3]) });
      await refuses('KMSInvalidSignatureException', target.client.send(other));
    },
  },
  {
    title: 'an ECC_SECG_P256K1 key signs a digest as it is',
    async run(target) {
      const KeyId = await signingKey(target, 'ECC_SECG_P256K1');
      const digest = createHash('sha256').update(Message).digest();
      const input = { KeyId, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' } as const;
      const { Signature } = await target.client.send(new SignCommand({ ...input, Message: digest }));
      assert.ok(verify('sha256', Message, await publicKeyOf(target, KeyId), present(Signature)));
      const short = new SignCommand({ ...input, Message: digest.subarray(1) });
      await refuses('ValidationException', target.client.send(short));
    },
  },
  {
    title: 'RSA-PSS signatures have a salt as long as the hash',
    async run(target) {
      const KeyId = await signingKey(target, 'RSA_2048');
      const input = { KeyId, Message, SigningAlgorithm: 'RSASSA_PSS_SHA_512' } as const;
      const { Signature } = await target.client.send(new SignCommand(input));
      const key = await publicKeyOf(target, KeyId);
      const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 };
      assert.ok(verify('sha512', Message, { key, ...options }, present(Signature)));
    },
  },
  {
    title: 'an Ed25519 key signs messages',
    async run(target) {
      const KeyId = await signingKey(target, 'ECC_NIST_EDWARDS25519');
      const input = { KeyId, Message, SigningAlgorithm: 'ED25519_SHA_512' } as const;
      const { Signature } = await target.client.send(new SignCommand(input));
      assert.ok(verify(null, Message, await publicKeyOf(target, KeyId), present(Signature)));
    },
  },
  {
    title: 'a key does what it is for, with the algorithms that it has',
    async run(target) {
      const KeyId = await signingKey(target, 'ECC_NIST_P256');
      const encrypt = new EncryptCommand({ KeyId, Plaintext: Message });
      await refuses('InvalidKeyUsageException', target.client.send(encrypt));
      const sign = new SignCommand({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_384' });
      await refuses('InvalidKeyUsageException', target.client.send(sign));
    },
  },
  {
    title: 'a symmetric key has no public key',
    async run(target) {
      const command = new GetPublicKeyCommand({ KeyId: await createKey(target) });
      await refuses('UnsupportedOperationException', target.client.send(command));
    },
  },
  {
    title: 'DeriveSharedSecret finds what the peer finds (ECDH)',
    async run(target) {
      const KeyId = await createKey(target, { KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' });
      const peer = await promisify(generateKeyPair)('ec', { namedCurve: 'P-384' });
      const PublicKey = peer.publicKey.export({ format: 'der', type: 'spki' });
      const derive = new DeriveSharedSecretCommand({ KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' });
      const { SharedSecret } = await target.client.send(derive);
      const publicKey = await publicKeyOf(target, KeyId);
      const expected = diffieHellman({ privateKey: peer.privateKey, publicKey });
      assert.deepEqual(Buffer.from(present(SharedSecret)), expected);
    },
  },
  {
    title: 'an HMAC of another message is an exception, not an answer',
    async run(target) {
      const KeyId = await createKey(target, { KeySpec: 'HMAC_384', KeyUsage: 'GENERATE_VERIFY_MAC' });
      const input = { KeyId, Message, MacAlgorithm: 'HMAC_SHA_384' } as const;
      const { Mac } = await target.client.send(new GenerateMacCommand(input));
      assert.equal(present(Mac).length, 48);
      const verified = new VerifyMacCommand({ ...input, Mac });
      assert.equal((await target.client.send(verified)).MacValid, true);
      const other = new VerifyMacCommand({ ...verified.input, Message: new Uint8Array([3]) });
      await refuses('KMSInvalidMacException', target.client.send(other));
      const foreign = new GenerateMacCommand({ ...input, MacAlgorithm: 'HMAC_SHA_256' });
      await refuses('InvalidKeyUsageException', target.client.send(foreign));
    },
  },
];
