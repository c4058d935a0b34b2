import { createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { type CreateKeyCommandInput, GetPublicKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { awsKmsKeyring } from '@holdfast/keyrings/aws-kms';
import { awsKmsEcdhKeyring } from '@holdfast/keyrings/aws-kms-ecdh';
import { awsKmsRsaKeyring } from '@holdfast/keyrings/aws-kms-rsa';
import { azureKeyVaultKeyring } from '@holdfast/keyrings/azure-key-vault';
import { gcpKmsKeyring } from '@holdfast/keyrings/gcp-kms';
import { pkcs11Keyring } from '@holdfast/keyrings/pkcs11';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { rawEcdhKeyring } from '@holdfast/keyrings/raw-ecdh';
import { type RsaPadding, rawRsaKeyring } from '@holdfast/keyrings/raw-rsa';
import { vaultTransitKeyring } from '@holdfast/keyrings/vault-transit';
import { openModule, type Token } from '@holdfast/pkcs11';
import { findModule, temporaryToken } from '@holdfast/pkcs11/testing';
import type { AlgorithmSuiteId, Keyring } from '@holdfast/sdk';
import { startKeyVault } from '../../packages/keyrings/test/fixtures/azure-key-vault.ts';
import { KEY_RING, startGcpKms } from '../../packages/keyrings/test/fixtures/gcp-kms.ts';
import { kmsClient } from '../../packages/keyrings/test/fixtures/scripted-kms.ts';
import { startVault } from '../../packages/keyrings/test/fixtures/vault.ts';

/** A kind of key that a keyring wraps data keys with. */
export interface Kind {
  /** Of the messages. */
  readonly suite?: AlgorithmSuiteId;
  /** Of packages, in the process that writes and reads, besides those of Node. */
  readonly conditions?: readonly string[];
  /** What there has to be on the machine, and is not. */
  readonly missing?: string | undefined;
  /** Makes a key, and starts what has it. */
  start(): RunningKey | Promise<RunningKey>;
  /** A keyring that writes and reads with a key, in any process. */
  open(...address: readonly string[]): OpenKeyring | Promise<OpenKeyring>;
}

interface RunningKey {
  /** The key itself, or where it is and how to get in. */
  readonly address: readonly string[];
  readonly close?: () => void | Promise<void>;
}

interface OpenKeyring {
  readonly keyring: Keyring;
  readonly close?: () => void;
}

/** By name. */
export const KINDS: Readonly<Record<string, Kind>> = {
  'a raw AES key': rawAes(0x0478),
  'a raw AES key, signed': rawAes(0x0578),
  'a raw AES key, with WebCrypto': withWebCrypto(rawAes(0x0478)),
  'a raw AES key, with WebCrypto, signed': withWebCrypto(rawAes(0x0578)),
  'a raw RSA key, OAEP': rawRsa('OAEP-SHA-256'),
  'a raw RSA key, PKCS #1 v1.5': rawRsa('PKCS1-v1_5'),
  'a raw ECDH key': rawEcdh(),
  'an AES key of AWS KMS': awsKms({}, (client, keyArn) => awsKmsKeyring({ client, generatorKeyId: keyArn })),
  'an RSA key of AWS KMS': awsKms(
    { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    async (client, keyArn) => {
      const publicKey = await publicKeyOf(client, keyArn);
      return awsKmsRsaKeyring({ client, keyArn, encryptionAlgorithm: 'RSAES_OAEP_SHA_256', publicKey });
    },
  ),
  'an ECDH key of AWS KMS': awsKms(
    { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
    async (client, keyArn) => {
      const peerPublicKey = await publicKeyOf(client, keyArn);
      return awsKmsEcdhKeyring({ client, keyArn, curve: 'P-256', schema: 'static', peerPublicKey });
    },
  ),
  'an AES key of a token': token(
    (at) => at.generateAesKey(LABEL),
    (at) => pkcs11Keyring({ ...NAMES, key: at.aesKey(LABEL) }),
  ),
  'an RSA key of a token': token(
    (at) => at.generateRsaKey(LABEL),
    (at) => pkcs11Keyring({ ...NAMES, key: at.rsaKey(LABEL), padding: 'OAEP-SHA-1' }),
  ),
  'a key of Vault': service(
    async () => {
      const vault = await startVault();
      return { address: vault.url, token: vault.token, close: () => vault.close() };
    },
    (address, bearer) => vaultTransitKeyring({ address, keyName: 'orders', token: bearer }),
  ),
  'a key of Google Cloud KMS': service(
    async () => {
      const kms = await startGcpKms();
      return { address: kms.url, token: kms.token, close: () => kms.close() };
    },
    (address, bearer) => gcpKmsKeyring({ address, keyName: `${KEY_RING}/orders`, token: bearer }),
  ),
  'a key of Azure Key Vault': service(
    async () => {
      const vault = await startKeyVault();
      return { address: await vault.newVersion('orders'), token: vault.token, close: () => vault.close() };
    },
    (keyId, bearer) => azureKeyVaultKeyring({ keyId, token: bearer }),
  ),
};

function rawAes(suite: AlgorithmSuiteId): Kind {
  return {
    suite,
    start: () => ({ address: [randomBytes(32).toString('hex')] }),
    open: (key = '') => ({ keyring: rawAesKeyring({ ...NAMES, wrappingKey: Buffer.from(key, 'hex') }) }),
  };
}

/** As Deno has it: what the AWS SDK has for browsers, Node cannot load. */
function withWebCrypto(kind: Kind): Kind {
  return { ...kind, conditions: ['deno'] };
}

function rawRsa(padding: RsaPadding): Kind {
  return {
    start: async () => ({ address: [pem((await newKeyPair('rsa', { modulusLength: 2048 })).privateKey)] }),
    open(privateKey = '') {
      const keys = { privateKey, publicKey: createPublicKey(privateKey) };
      return { keyring: rawRsaKeyring({ ...NAMES, ...keys, padding, unsafeLegacyEncryption: true }) };
    },
  };
}

function rawEcdh(): Kind {
  return {
    start: async () => ({ address: [pem((await newKeyPair('ec', { namedCurve: 'P-256' })).privateKey)] }),
    open(privateKey = '') {
      const writer = rawEcdhKeyring({ schema: 'ephemeral', peerPublicKey: createPublicKey(privateKey) });
      const reader = rawEcdhKeyring({ schema: 'discovery', privateKey });
      return {
        keyring: {
          onEncrypt: (materials) => writer.onEncrypt(materials),
          onDecrypt: (materials, encryptedDataKeys) => reader.onDecrypt(materials, encryptedDataKeys),
        },
      };
    },
  };
}

function pem(privateKey: KeyObject): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function awsKms(
  description: CreateKeyCommandInput,
  keyring: (client: KMSClient, keyArn: string) => Keyring | Promise<Keyring>,
): Kind {
  return {
    async start() {
      // Loaded here, since it is large, and all that a process has is searched.
      const { startLocalKms } = await import('../../packages/keyrings/test/fixtures/local-kms.ts');
      const kms = await startLocalKms();
      const { AWS_ENDPOINT_URL_KMS: url = '' } = kms.environment;
      return { address: [url, await kms.newKey(description)], close: () => kms.close() };
    },
    async open(url = '', keyArn = '') {
      const client = kmsClient(url);
      return { keyring: await keyring(client, keyArn), close: () => client.destroy() };
    },
  };
}

async function publicKeyOf(client: KMSClient, keyArn: string): Promise<Uint8Array> {
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId: keyArn }));
  if (PublicKey === undefined) throw new Error('expected a public key');
  return PublicKey;
}

function token(makeKey: (token: Token) => void, keyring: (token: Token) => Keyring): Kind {
  return {
    missing:
      findModule() === undefined ? 'no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE' : undefined,
    start() {
      const temporary = temporaryToken();
      const { modulePath, label, pin } = temporary;
      const module = openModule({ path: modulePath });
      makeKey(module.openToken({ label, pin }));
      module.close();
      return { address: [modulePath, label, pin], close: () => temporary.dispose() };
    },
    open(path = '', label = '', pin = '') {
      const module = openModule({ path });
      return { keyring: keyring(module.openToken({ label, pin })), close: () => module.close() };
    },
  };
}

function service(
  start: () => Promise<{ readonly address: string; readonly token: string; close(): Promise<void> }>,
  keyring: (address: string, bearer: () => Promise<string>) => Keyring,
): Kind {
  return {
    async start() {
      const running = await start();
      return { address: [running.address, running.token], close: () => running.close() };
    },
    open: (address = '', bearer = '') => ({ keyring: keyring(address, async () => bearer) }),
  };
}

const newKeyPair = promisify(generateKeyPair);
const NAMES = { namespace: 'hygiene', name: 'key' } as const;
const LABEL = { label: 'key' } as const;
