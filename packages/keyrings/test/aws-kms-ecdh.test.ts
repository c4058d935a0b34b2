import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import {
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsEcdhKeyring, type EcdhCurve } from '../src/aws-kms-ecdh.ts';
import { rawEcdhKeyring } from '../src/raw-ecdh.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';

const newKeyPair = promisify(generateKeyPair);
const curves = { 'P-256': 'ECC_NIST_P256', 'P-384': 'ECC_NIST_P384', 'P-521': 'ECC_NIST_P521' } as const;
let kms: RunningKms;
let liar: ScriptedKms;
let unreachable: KMSClient;
let keys: Readonly<Record<EcdhCurve, { readonly alice: KmsKey; readonly bob: KmsKey; readonly eve: KmsKey }>>;

beforeAll(async () => {
  kms = await startLocalKms();
  liar = await startScriptedKms();
  unreachable = await unreachableClient();
  keys = {
    'P-256': await threeKeys('P-256'),
    'P-384': await threeKeys('P-384'),
    'P-521': await threeKeys('P-521'),
  };
});

afterAll(async () => {
  unreachable.destroy();
  await Promise.all([kms.close(), liar.close()]);
});

for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
  describeKeyringContract(`an AWS KMS ECDH keyring of two parties on ${curve}`, {
    generating: () => between(keys[curve].alice, keys[curve].bob),
    stranger: () => between(keys[curve].alice, keys[curve].eve),
    outage: {
      keyService: 'AWS KMS',
      keyring: () => between(keys[curve].alice, keys[curve].bob, unreachable),
    },
    lying() {
      const { alice, bob } = keys[curve];
      const SharedSecret = new Uint8Array(31).fill(1);
      liar.answer({ KeyId: alice.keyArn, KeyAgreementAlgorithm: 'ECDH', SharedSecret });
      const peerPublicKey = bob.publicKey;
      return ecdh(alice, {
        schema: 'static',
        peerPublicKey,
        client: liar.client,
        publicKey: alice.publicKey,
      });
    },
  });
}

describeKeyringContract('an AWS KMS ECDH keyring that opens what anybody wrote', {
  generating: () => writtenAndDiscovered(kms.client),
  stranger: () => between(keys['P-256'].alice, keys['P-256'].eve),
  outage: { keyService: 'AWS KMS', keyring: () => writtenAndDiscovered(unreachable) },
});

describeHostileInput('an AWS KMS ECDH keyring that opens what anybody wrote', {
  keyring: () => discovery(keys['P-256'].bob),
  providerIds: ['raw-ecdh', 'aws-kms-ecdh'],
  providerInfo: () => providerInfo(keys['P-256'].alice, keys['P-256'].bob),
});

describe('an AWS KMS ECDH keyring', () => {
  it('writes the parties, the sender’s key by AWS KMS and the recipient’s', async () => {
    const { alice, bob } = keys['P-384'];
    const { encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
    expect(encryptedDataKeys).toMatchObject([
      { providerId: 'aws-kms-ecdh', providerInfo: providerInfo(alice, bob) },
    ]);
  });

  it('is read by either party, and by a recipient who does not know the sender', async () => {
    const { alice, bob, eve } = keys['P-256'];
    const { dataKey, encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
    for (const reader of [between(alice, bob), between(bob, alice), discovery(bob)]) {
      expect((await reader.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
    }
    for (const other of [discovery(alice), discovery(eve), between(bob, eve), between(eve, alice)]) {
      const error = await keyringError(other.onDecrypt(decryptionMaterials(), encryptedDataKeys));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it('writes for a key outside of AWS KMS, and reads from one', async () => {
    for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
      const { alice } = keys[curve];
      const carol = await newKeyPair('ec', { namedCurve: curve });
      const atAlice = ecdh(alice, { schema: 'static', peerPublicKey: carol.publicKey });
      const peerPublicKey = alice.publicKey;
      const atCarol = rawEcdhKeyring({ schema: 'static', privateKey: carol.privateKey, peerPublicKey });
      const ephemeral = rawEcdhKeyring({ schema: 'ephemeral', peerPublicKey });
      await expectExchange(atAlice, atCarol);
      await expectExchange(atCarol, atAlice);
      await expectExchange(atCarol, discovery(alice));
      await expectExchange(ephemeral, discovery(alice));
      const carols = rawEcdhKeyring({ schema: 'discovery', privateKey: carol.privateKey });
      await expectExchange(atAlice, carols);
    }
  });

  it('asks for its public key once, and then for the shared secret of each data key', async () => {
    const { alice, bob } = keys['P-256'];
    const keyring = ecdh(alice, {
      schema: 'static',
      peerPublicKey: bob.publicKey,
      client: liar.client,
      grantTokens: ['token-1'],
    });
    const before = liar.requests.length;
    liar.answer({
      KeyId: alice.keyArn,
      KeyUsage: 'KEY_AGREEMENT',
      PublicKey: der(alice.publicKey),
      KeyAgreementAlgorithm: 'ECDH',
      SharedSecret: new Uint8Array(32).fill(1),
    });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    const derived = {
      operation: 'DeriveSharedSecret',
      region: 'eu-north-1',
      body: {
        KeyId: alice.keyArn,
        KeyAgreementAlgorithm: 'ECDH',
        PublicKey: der(bob.publicKey).toString('base64'),
        GrantTokens: ['token-1'],
      },
    };
    expect(liar.requests.slice(before)).toEqual([
      {
        operation: 'GetPublicKey',
        region: 'eu-north-1',
        body: { KeyId: alice.keyArn, GrantTokens: ['token-1'] },
      },
      derived,
      derived,
    ]);
  });

  it('asks for its public key once for many calls at once', async () => {
    const { alice, bob } = keys['P-256'];
    const keyring = between(alice, bob, liar.client);
    liar.answer({
      KeyId: alice.keyArn,
      KeyUsage: 'KEY_AGREEMENT',
      PublicKey: der(alice.publicKey),
      KeyAgreementAlgorithm: 'ECDH',
      SharedSecret: new Uint8Array(32).fill(1),
    });
    const before = liar.requests.length;
    await Promise.all(Array.from({ length: 10 }, async () => keyring.onEncrypt(encryptionMaterials())));
    const asked = liar.requests.slice(before).map(({ operation }) => operation);
    expect(asked.sort()).toEqual([...Array<string>(10).fill('DeriveSharedSecret'), 'GetPublicKey']);
  });

  it('asks for the shared secret with the sender of the message, when it opens what anybody wrote', async () => {
    const { alice, bob } = keys['P-521'];
    const { encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
    const keyring = ecdh(bob, { schema: 'discovery', client: liar.client, publicKey: bob.publicKey });
    const before = liar.requests.length;
    await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(liar.requests.slice(before)).toMatchObject([
      {
        operation: 'DeriveSharedSecret',
        // Uncompressed, as the sender's own SubjectPublicKeyInfo.
        body: { KeyId: bob.keyArn, PublicKey: der(alice.publicKey).toString('base64') },
      },
    ]);
  });

  it('asks nothing about a message between others, or from a point that is none', async () => {
    const { alice, bob, eve } = keys['P-256'];
    const { encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
    const before = liar.requests.length;
    const options = { client: liar.client, publicKey: eve.publicKey };
    const toEve = [discoveryInfo(alice, eve)];
    for (const keyring of [
      ecdh(eve, { ...options, schema: 'discovery' }),
      ecdh(eve, { ...options, schema: 'static', peerPublicKey: bob.publicKey }),
    ]) {
      for (const keys of [encryptedDataKeys, toEve]) {
        const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), keys));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      }
    }
    expect(liar.requests).toHaveLength(before);
  });

  it('asks again for a public key that it did not get', async () => {
    const { alice, bob } = keys['P-256'];
    const keyring = between(alice, bob);
    await kms.client.send(new DisableKeyCommand({ KeyId: alice.keyArn }));
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_REFUSED', cause: { name: 'DisabledException' } });
    await kms.client.send(new EnableKeyCommand({ KeyId: alice.keyArn }));
    await expectExchange(keyring, discovery(bob));
  });

  it('does not believe a public key of another key, use or curve', async () => {
    const { alice, bob } = keys['P-256'];
    const right = {
      KeyId: alice.keyArn,
      KeyUsage: 'KEY_AGREEMENT',
      PublicKey: der(alice.publicKey),
      KeyAgreementAlgorithm: 'ECDH',
      SharedSecret: new Uint8Array(32).fill(1),
    };
    const { PublicKey: _, ...without } = right;
    liar.answer(right);
    await between(alice, bob, liar.client).onEncrypt(encryptionMaterials());
    for (const wrong of [
      { ...right, KeyId: bob.keyArn },
      { ...right, KeyUsage: 'SIGN_VERIFY' },
      { ...right, PublicKey: der(keys['P-384'].alice.publicKey) },
      { ...right, PublicKey: der(alice.publicKey).subarray(1) },
      { ...right, PublicKey: 5 },
      // The point at infinity.
      { ...right, PublicKey: Buffer.from('3019301306072a8648ce3d020106082a8648ce3d03010703020000', 'hex') },
      without,
    ]) {
      liar.answer(wrong);
      const before = liar.requests.length;
      const error = await keyringError(between(alice, bob, liar.client).onEncrypt(encryptionMaterials()));
      expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
      expect(liar.requests.slice(before)).toMatchObject([{ operation: 'GetPublicKey' }]);
    }
  });

  it('does not believe a shared secret of another key, algorithm or length', async () => {
    const { alice, bob } = keys['P-256'];
    const { encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
    const right = {
      KeyId: alice.keyArn,
      KeyAgreementAlgorithm: 'ECDH',
      SharedSecret: new Uint8Array(32).fill(1),
    };
    const { SharedSecret: _, ...without } = right;
    for (const wrong of [
      { ...right, KeyId: bob.keyArn },
      { ...right, KeyAgreementAlgorithm: 'another' },
      { ...right, SharedSecret: right.SharedSecret.subarray(1) },
      { ...right, SharedSecret: 5 },
      without,
    ]) {
      liar.answer(wrong);
      const { publicKey } = alice;
      const keyring = ecdh(alice, {
        schema: 'static',
        peerPublicKey: bob.publicKey,
        client: liar.client,
        publicKey,
      });
      const encrypting = await keyringError(keyring.onEncrypt(encryptionMaterials()));
      expect(encrypting.code).toBe('KEY_SERVICE_ANSWER_INVALID');
      const decrypting = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
      expect(rootCauses(decrypting)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
    }
  });

  it('that opens what anybody wrote, wraps nothing', async () => {
    const keyring = discovery(keys['P-256'].alice);
    await expect(keyring.onEncrypt(encryptionMaterials())).rejects.toThrow(TypeError);
  });

  it('cannot be made of what it could not work with', async () => {
    const { alice, bob } = keys['P-256'];
    const right = {
      client: kms.client,
      curve: 'P-256',
      schema: 'static',
      peerPublicKey: bob.publicKey,
    } as const;
    const rsaKey = await newKeyPair('rsa', { modulusLength: 2048 });
    for (const wrong of [
      { keyArn: 'alias/alice' },
      { keyArn: alice.keyArn.replace('key/', 'alias/') },
      { keyArn: alice.keyArn.replace(/.*\//, '') },
      { curve: 'P-384' },
      { curve: 'secp256k1' },
      { curve: 'secp256k1', schema: 'discovery' },
      { schema: 'ephemeral' },
      { peerPublicKey: keys['P-384'].bob.publicKey },
      { peerPublicKey: rsaKey.publicKey },
      { peerPublicKey: undefined },
      { publicKey: keys['P-384'].alice.publicKey },
      { publicKey: 'no key' },
      { client: {} },
    ]) {
      // @ts-expect-error what JavaScript lets through
      expect(() => awsKmsEcdhKeyring({ ...right, keyArn: alice.keyArn, ...wrong })).toThrow(TypeError);
    }
  });
});

describeExamples('packages/keyrings/docs/aws-kms-ecdh.md', () => ({
  ...kms.environment,
  OUR_KEY_ARN: keys['P-256'].alice.keyArn,
  THEIR_KEY_ARN: keys['P-256'].bob.keyArn,
}));

interface KmsKey {
  readonly keyArn: string;
  readonly curve: EcdhCurve;
  readonly publicKey: KeyObject;
}

type Schema =
  | { readonly schema: 'static'; readonly peerPublicKey: KeyObject }
  | { readonly schema: 'discovery' };

interface Others {
  readonly client?: KMSClient;
  readonly publicKey?: KeyObject;
  readonly grantTokens?: readonly string[];
}

function ecdh({ keyArn, curve }: KmsKey, options: Schema & Others): Keyring {
  return awsKmsEcdhKeyring({ client: kms.client, keyArn, curve, ...options });
}

/** That of the first, who writes to the second. */
function between(own: KmsKey, peer: KmsKey, client = kms.client): Keyring {
  return ecdh(own, { schema: 'static', peerPublicKey: peer.publicKey, client });
}

function discovery(own: KmsKey, client = kms.client): Keyring {
  return ecdh(own, { schema: 'discovery', client });
}

function writtenAndDiscovered(client: KMSClient): Keyring {
  const { alice, bob } = keys['P-256'];
  const writer = between(alice, bob, client);
  return { ...discovery(bob, client), onEncrypt: async (materials) => writer.onEncrypt(materials) };
}

async function expectExchange(writer: Keyring, reader: Keyring): Promise<void> {
  const { dataKey, encryptedDataKeys } = await writer.onEncrypt(encryptionMaterials());
  const opened = await reader.onDecrypt(decryptionMaterials(), encryptedDataKeys);
  expect(opened.dataKey).toEqual(dataKey);
}

async function threeKeys(curve: EcdhCurve): Promise<{ alice: KmsKey; bob: KmsKey; eve: KmsKey }> {
  const key = async (): Promise<KmsKey> => {
    const keyArn = await kms.newKey({ KeySpec: curves[curve], KeyUsage: 'KEY_AGREEMENT' });
    const { PublicKey } = await kms.client.send(new GetPublicKeyCommand({ KeyId: keyArn }));
    const spki = Buffer.from(PublicKey ?? expect.unreachable());
    return { keyArn, curve, publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }) };
  };
  return { alice: await key(), bob: await key(), eve: await key() };
}

function der(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/** Version ‖ length ‖ recipient ‖ length ‖ sender, as compressed points. */
function providerInfo(sender: KmsKey, recipient: KmsKey): Uint8Array {
  const parties = [recipient, sender].map(({ publicKey }) => {
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const isOdd = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1;
    return Buffer.concat([Buffer.of(2 + isOdd), Buffer.from(x, 'base64url')]);
  });
  return Uint8Array.from(
    Buffer.concat([Buffer.of(1), ...parties.flatMap((point) => [Buffer.of(0, 0, 0, point.length), point])]),
  );
}

/** To the recipient, from a sender whose x coordinate is on no point. */
function discoveryInfo(sender: KmsKey, recipient: KmsKey): EncryptedDataKey {
  const info = providerInfo(sender, recipient);
  info.fill(0xff, info.length - 32);
  return { providerId: 'aws-kms-ecdh', providerInfo: info, ciphertext: new Uint8Array(112) };
}
