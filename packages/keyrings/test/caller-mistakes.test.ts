import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { toAwsCrypto } from '../src/aws-crypto.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { awsKmsDiscoveryKeyring } from '../src/aws-kms-discovery.ts';
import { awsKmsEcdhKeyring } from '../src/aws-kms-ecdh.ts';
import { awsKmsMrkKeyring } from '../src/aws-kms-mrk.ts';
import { awsKmsRsaKeyring } from '../src/aws-kms-rsa.ts';
import { azureKeyVaultKeyring } from '../src/azure-key-vault.ts';
import { branchKeyStore } from '../src/branch-key-store.ts';
import { gcpKmsKeyring } from '../src/gcp-kms.ts';
import { hierarchicalKeyring } from '../src/hierarchical.ts';
import { multiKeyring } from '../src/multi.ts';
import { pkcs11Keyring } from '../src/pkcs11.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { rawEcdhKeyring } from '../src/raw-ecdh.ts';
import { rawRsaKeyring } from '../src/raw-rsa.ts';
import { vaultTransitKeyring } from '../src/vault-transit.ts';

/** Calls that would compile only in JavaScript, or with options read from somewhere. */
type Make = (options: never) => unknown;
type Options = Readonly<Record<string, unknown>>;

const send = (): void => {};
const keyArn = 'arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
const raw = { namespace: 'a', name: 'b', wrappingKey: new Uint8Array(16).fill(1) };
const discovery = { client: { send, config: { region: send } } };
const kms = { client: { send }, generatorKeyId: keyArn };
const rsa = { client: { send }, keyArn, encryptionAlgorithm: 'RSAES_OAEP_SHA_256' };
const ecdh = { client: { send }, keyArn, curve: 'P-256', schema: 'discovery' };
const vault = { address: 'http://127.0.0.1', keyName: 'orders', token: async () => 'token' };
const gcp = { keyName: 'projects/p/locations/l/keyRings/r/cryptoKeys/k', token: vault.token };
const azure = { keyId: 'https://shop.vault.azure.net/keys/orders/1', token: vault.token };
const keyStore = { logicalKeyStoreName: 'orders', activeBranchKey: send, branchKeyVersion: send };
const hierarchical = { keyStore, branchKeyId: 'a', ttlMs: 1 };
const store = {
  storage: { read: send },
  kmsClient: { send },
  kmsConfiguration: { kind: 'discovery' },
  logicalKeyStoreName: 'orders',
};

/** What makes a keyring, options that do, and options that are wrong in place of them. */
const rows: readonly (readonly [Make, Options, readonly Options[]])[] = [
  [
    rawAesKeyring,
    raw,
    ['0123456789abcdef', new Uint16Array(16).fill(1)].map((wrappingKey) => ({ wrappingKey })),
  ],
  [rawAesKeyring, raw, [{ wrappingKey: undefined }, { namespace: undefined }, { name: 5 }]],
  [
    rawRsaKeyring,
    { namespace: 'a', name: 'b' },
    [{ publicKey: undefined }, { publicKey: null }, { privateKey: 5 }],
  ],
  [rawEcdhKeyring, { schema: 'ephemeral' }, [{ schema: 'x' }, { peerPublicKey: undefined }, { privateKey }]],
  [rawEcdhKeyring, { schema: 'discovery' }, [{ privateKey: 'ab'.repeat(16) }]],
  [rawEcdhKeyring, { schema: 'discovery', privateKey }, [{ peerPublicKey: publicKey }]],
  [awsKmsKeyring, kms, [{ generatorKeyId: '' }, { generatorKeyId: null }, { generatorKeyId: undefined }]],
  [awsKmsKeyring, kms, [{ keyIds: 'alias/x' }, { keyIds: [undefined] }, { keyIds: [keyArn] }]],
  [awsKmsKeyring, kms, [{ client: undefined }, { grantTokens: 'token' }]],
  [awsKmsKeyring, { client: send, generatorKeyId: 'alias/x' }, [{ client: send }]],
  [awsKmsMrkKeyring, kms, [{ generatorKeyId: '' }, { keyIds: 'alias/x' }, { keyIds: [5] }]],
  [awsKmsDiscoveryKeyring, discovery, [{ client: {} }, { client: { send } }, { grantTokens: 'token' }]],
  [
    awsKmsDiscoveryKeyring,
    { client: () => discovery.client, regions: ['eu-north-1'] },
    [undefined, 'eu', [undefined], [null], ['eu-north-1', 5]].map((regions) => ({ regions })),
  ],
  [
    awsKmsDiscoveryKeyring,
    discovery,
    ['111122223333', [111_122_223_333], undefined].map((accountIds) => ({
      discoveryFilter: { partition: 'aws', accountIds },
    })),
  ],
  [awsKmsRsaKeyring, rsa, [{ keyArn: undefined }, { encryptionAlgorithm: undefined }, { grantTokens: 't' }]],
  [awsKmsRsaKeyring, { ...rsa, client: undefined }, [{ publicKey: undefined }]],
  [
    awsKmsEcdhKeyring,
    ecdh,
    [
      { keyArn: undefined },
      { curve: undefined },
      { schema: undefined },
      { publicKey: 5 },
      { peerPublicKey: publicKey },
    ],
  ],
  [pkcs11Keyring, { ...raw, key: { encrypt: send } }, [{ key: undefined }, { key: {} }]],
  [
    vaultTransitKeyring,
    vault,
    [{ address: undefined }, { keyName: undefined }, { token: 'hvs.x' }, { fetch: {} }],
  ],
  [gcpKmsKeyring, gcp, [{ keyName: undefined }, { token: undefined }]],
  [azureKeyVaultKeyring, azure, [{ keyId: undefined }, { token: undefined }, { timeoutMs: '1' }]],
  [hierarchicalKeyring, hierarchical, [{ keyStore: undefined }, { branchKeyId: undefined }, { cache: null }]],
  [
    hierarchicalKeyring,
    hierarchical,
    [
      { logicalKeyStoreName: undefined },
      { logicalKeyStoreName: '' },
      { branchKeyVersion: undefined },
      { activeBranchKey: undefined },
    ].map((wrong) => ({ keyStore: { ...keyStore, ...wrong } })),
  ],
  [hierarchicalKeyring, hierarchical, [{ ttlMs: '600000' }, { ttlMs: undefined }]],
  [
    branchKeyStore,
    store,
    [{ storage: undefined }, { kmsClient: undefined }, { kmsConfiguration: undefined }],
  ],
  [branchKeyStore, store, [{ logicalKeyStoreName: undefined }, { grantTokens: 'token' }]],
  [
    multiKeyring,
    {},
    [{ generator: undefined }, { generator: {} }, { children: {} }, { children: [undefined] }],
  ],
];

describe('a mistake of a caller is told with the name of the option', () => {
  for (const [make, right, mistakes] of rows) {
    it.each(mistakes.map((mistake) => [Object.keys(mistake).join(), mistake] as const))(
      `by ${make.name}: %s`,
      (option, mistake) => {
        const failure = failureOf(make, { ...right, ...mistake });
        expect(failure).toSatisfy((error) => error instanceof TypeError || error instanceof RangeError);
        expect(failure instanceof Error && failure.message).toMatch(new RegExp(`^${option}: expected `));
      },
    );
  }

  it.each([rawAesKeyring, multiKeyring])('by $name without options', (make) => {
    expect(String(failureOf(make, undefined))).toMatch(/^TypeError: \w+: expected/);
  });

  it('by toAwsCrypto: keyring', () => {
    expect(failureOf(toAwsCrypto, undefined)).toMatchObject({ message: 'keyring: expected a keyring' });
  });
});

function failureOf(make: Make, options: unknown): unknown {
  try {
    return Reflect.apply(make, undefined, [options]);
  } catch (error) {
    return error;
  }
}
