import { encryptionClient } from '@holdfast/sdk';
import type { EncryptionMaterials, Keyring } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { type BranchKeyStore, dynamoDbStorage } from '../src/branch-key-store.ts';
import { hierarchicalKeyring } from '../src/hierarchical.ts';
import { KeyringError } from '../src/internal/errors.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { dynamoDbClient } from './fixtures/dynamodb.ts';
import { unreachableUrl } from './fixtures/json-server.ts';
import { type KeyStoreSetting, startKeyStoreSetting } from './fixtures/key-store.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';
import { staticKeyStore } from './fixtures/static-key-store.ts';

let setting: KeyStoreSetting;
let keyStore: BranchKeyStore;
let withoutTable: BranchKeyStore;
let withoutKms: BranchKeyStore;
let liar: ScriptedKms;
const closing: { destroy(): void }[] = [];

beforeAll(async () => {
  setting = await startKeyStoreSetting();
  keyStore = setting.store();
  for (const branchKeyId of ['tenant-1', 'tenant-11', 'tenant-', 'tenant-2']) {
    await keyStore.createBranchKey({ branchKeyId, encryptionContext: { purpose: 'test' } });
  }
  const client = dynamoDbClient(await unreachableUrl(), 1);
  const kmsClient = await unreachableClient();
  closing.push(client, kmsClient);
  withoutTable = setting.store({ storage: dynamoDbStorage({ client, tableName: 'any' }) });
  withoutKms = setting.store({ kmsClient });
  liar = await startScriptedKms();
});

afterAll(async () => {
  for (const client of closing) client.destroy();
  await Promise.all([setting.close(), liar.close()]);
});

const ttlMs = 60_000;
const keyringOf = (branchKeyId: string): Keyring => hierarchicalKeyring({ keyStore, branchKeyId, ttlMs });

describeKeyringContract('a hierarchical keyring of one branch key', {
  generating: () => keyringOf('tenant-1'),
  stranger: () => keyringOf('tenant-2'),
  similar: () => [keyringOf('tenant-11'), keyringOf('tenant-')],
  outage: {
    keyService: 'branch key store',
    keyring: () => hierarchicalKeyring({ keyStore: withoutTable, branchKeyId: 'tenant-1', ttlMs }),
  },
  lying() {
    liar.answer({ KeyId: setting.keyArn, Plaintext: new Uint8Array(31).fill(1) });
    const lied = setting.store({ kmsClient: liar.client });
    return hierarchicalKeyring({ keyStore: lied, branchKeyId: 'tenant-1', ttlMs });
  },
});

describeKeyringContract('a hierarchical keyring with a function for branch key ids', {
  generating: () => hierarchicalKeyring({ keyStore, branchKeyId: () => 'tenant-1', ttlMs }),
  stranger: () => hierarchicalKeyring({ keyStore, branchKeyId: async () => 'tenant-2', ttlMs }),
  outage: {
    keyService: 'AWS KMS',
    keyring: () => hierarchicalKeyring({ keyStore: withoutKms, branchKeyId: () => 'tenant-1', ttlMs }),
  },
});

describe('a hierarchical keyring', () => {
  it('writes salt, IV, version and wrapped data key, under the id of the branch key', async () => {
    const { encryptedDataKeys } = await keyringOf('tenant-1').onEncrypt(
      encryptionMaterials({ suite: 0x0146 }),
    );
    const [{ providerId, providerInfo, ciphertext } = expect.unreachable(), ...more] = encryptedDataKeys;
    expect(more).toEqual([]);
    expect(providerId).toBe('aws-kms-hierarchy');
    expect(Buffer.from(providerInfo).toString()).toBe('tenant-1');
    expect(ciphertext).toHaveLength(16 + 12 + 16 + 24 + 16);
    const { branchKeyVersion } = await keyStore.activeBranchKey('tenant-1');
    expect(Buffer.from(ciphertext.subarray(28, 44)).toString('hex')).toBe(
      branchKeyVersion.replaceAll('-', ''),
    );
  });

  it('asks key store and AWS KMS once for 100 calls at once, and once more to open what they wrapped', async () => {
    const calls = kmsCalls(setting);
    const before = setting.dynamoDb.requests.length;
    const keyring = keyringOf('tenant-1');
    const wrapped = await hundred(() => keyring.onEncrypt(encryptionMaterials()));
    expect(calls).toEqual(['DecryptCommand']);
    const opened = await hundred((i) =>
      keyring.onDecrypt(decryptionMaterials(), wrapped[i]?.encryptedDataKeys ?? []),
    );
    expect(opened.map(({ dataKey }) => dataKey)).toEqual(wrapped.map(({ dataKey }) => dataKey));
    expect(calls).toEqual(['DecryptCommand', 'DecryptCommand']);
    expect(setting.dynamoDb.requests.slice(before).map(({ operation }) => operation)).toEqual([
      'GetItem',
      'GetItem',
    ]);
  });

  it('opens what every version wrapped, and wraps with the version that was active when it asked', async () => {
    const branchKeyId = await keyStore.createBranchKey();
    const old = keyringOf(branchKeyId);
    const wrapped = [await old.onEncrypt(encryptionMaterials())];
    const version = await keyStore.versionBranchKey(branchKeyId);
    wrapped.push(
      await old.onEncrypt(encryptionMaterials()),
      await keyringOf(branchKeyId).onEncrypt(encryptionMaterials()),
    );
    const [first, second, third] = wrapped.map(versionIn);
    expect(second).toBe(first);
    expect(third).toBe(version.replaceAll('-', ''));
    for (const keyring of [old, keyringOf(branchKeyId)]) {
      for (const { dataKey, encryptedDataKeys } of wrapped) {
        expect((await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
      }
    }
  });

  it('chooses the branch key by the encryption context of the message', async () => {
    const seen: unknown[] = [];
    const keyring = hierarchicalKeyring({
      keyStore,
      ttlMs,
      async branchKeyId(encryptionContext) {
        seen.push(encryptionContext);
        return `tenant-${encryptionContext['tenant']}`;
      },
    });
    for (const tenant of ['1', '2']) {
      const options = { encryptionContext: { tenant } };
      const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials(options));
      const opened = await keyringOf(`tenant-${tenant}`).onDecrypt(
        decryptionMaterials(options),
        encryptedDataKeys,
      );
      expect(opened.dataKey).toEqual(dataKey);
      expect((await keyring.onDecrypt(decryptionMaterials(options), encryptedDataKeys)).dataKey).toEqual(
        dataKey,
      );
      expect(seen.splice(0)).toEqual([{ tenant }, { tenant }]);
    }
  });

  it('never lets a message choose the branch key', async () => {
    const { encryptedDataKeys } = await keyringOf('tenant-2').onEncrypt(encryptionMaterials());
    const renamed = encryptedDataKeys.map((key) => ({ ...key, providerInfo: Buffer.from('tenant-1') }));
    const error = await keyringError(keyringOf('tenant-1').onDecrypt(decryptionMaterials(), renamed));
    // There is no such version of this branch key.
    expect(rootCauses(error)).toMatchObject([{ code: 'BRANCH_KEY_NOT_FOUND' }]);
  });

  it('keeps the error of a function for branch key ids', async () => {
    const cause = new Error('no tenant');
    const { encryptedDataKeys } = await keyringOf('tenant-1').onEncrypt(encryptionMaterials());
    const failing = hierarchicalKeyring({ keyStore, ttlMs, branchKeyId: () => Promise.reject(cause) });
    await expect(failing.onEncrypt(encryptionMaterials())).rejects.toBe(cause);
    const error = await keyringError(failing.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(error)).toEqual([cause]);

    const outage = new KeyringError('KEY_SERVICE_UNAVAILABLE', 'nobody knows the tenants at the time');
    const waiting = hierarchicalKeyring({ keyStore, ttlMs, branchKeyId: () => Promise.reject(outage) });
    await expect(waiting.onEncrypt(encryptionMaterials())).rejects.toBe(outage);
    const unknown = await keyringError(waiting.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(unknown.code).toBe('KEY_SERVICE_UNAVAILABLE');

    const empty = hierarchicalKeyring({ keyStore, ttlMs, branchKeyId: () => '' });
    await expect(empty.onEncrypt(encryptionMaterials())).rejects.toThrow(TypeError);
  });

  it('says that there is no such branch key', async () => {
    const error = await keyringError(keyringOf('nobody').onEncrypt(encryptionMaterials()));
    expect(error.code).toBe('BRANCH_KEY_NOT_FOUND');
  });

  it('answers whatever stands in a message with an error of its own', async () => {
    const keyring = hierarchicalKeyring({ keyStore: staticKeyStore(), branchKeyId: 'tenant-1', ttlMs });
    const bytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 92, maxLength: 92 }));
    await fc.assert(
      fc.asyncProperty(
        bytes,
        fc.oneof(bytes, fc.constant(Buffer.from('tenant-1'))),
        async (ciphertext, providerInfo) => {
          const candidates = [{ providerId: 'aws-kms-hierarchy', providerInfo, ciphertext }];
          await expect(keyring.onDecrypt(decryptionMaterials(), candidates)).rejects.toBeInstanceOf(
            KeyringError,
          );
        },
      ),
    );
  });

  it('opens nothing of which any bit is another', async () => {
    const keyring = hierarchicalKeyring({ keyStore: staticKeyStore(), branchKeyId: 'tenant-1', ttlMs });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials({ suite: 0x0014 }));
    const [key = expect.unreachable()] = encryptedDataKeys;
    for (let bit = 0; bit < key.ciphertext.length * 8; bit++) {
      const ciphertext = key.ciphertext.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const error = await keyringError(
        keyring.onDecrypt(decryptionMaterials({ suite: 0x0014 }), [{ ...key, ciphertext }]),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it('does not ask the key store about what has not the length of its own', async () => {
    const store = staticKeyStore();
    const keyring = hierarchicalKeyring({ keyStore: store, branchKeyId: 'tenant-1', ttlMs });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const shortened = encryptedDataKeys.map((key) => ({ ...key, ciphertext: key.ciphertext.subarray(1) }));
    await keyringError(keyring.onDecrypt(decryptionMaterials(), shortened));
    expect(store.calls).toEqual(['active tenant-1']);
  });

  it('works in a client', async () => {
    const client = encryptionClient();
    const keyring = keyringOf('tenant-1');
    const plaintext = Buffer.from('42 anchors');
    const { message } = await client.encrypt(plaintext, { keyring, encryptionContext: { tenant: '1' } });
    expect(Buffer.from((await client.decrypt(message, { keyring })).plaintext)).toEqual(plaintext);
  });

  it('cannot be made without a key store, a branch key id or a time, or with something else than a cache', () => {
    const options = { keyStore, branchKeyId: 'tenant-1', ttlMs };
    for (const wrong of [
      { keyStore: undefined },
      { branchKeyId: undefined },
      { branchKeyId: '' },
      { branchKeyId: '\ud800' },
      { cache: {} },
      { partitionId: '\ud800' },
    ]) {
      // @ts-expect-error some of it is nothing that the compiler lets pass
      expect(() => hierarchicalKeyring({ ...options, ...wrong })).toThrow(TypeError);
    }
    for (const wrong of [0, 0.999, -1, Number.NaN]) {
      expect(() => hierarchicalKeyring({ ...options, ttlMs: wrong })).toThrow(RangeError);
    }
  });
});

describeExamples('packages/keyrings/docs/hierarchical.md', () => ({
  ...setting.kms.environment,
  ...setting.dynamoDb.environment,
  KEY_ARN: setting.keyArn,
}));

function hundred<T>(call: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: 100 }, (_, i) => call(i)));
}

/** The names of the commands that are sent to AWS KMS from now on. */
function kmsCalls({ kms }: KeyStoreSetting): string[] {
  const calls: string[] = [];
  kms.client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        calls.push(commandName);
        return next(args);
      },
    { step: 'initialize' },
  );
  return calls;
}

function versionIn({ encryptedDataKeys }: EncryptionMaterials): string {
  const [{ ciphertext } = expect.unreachable()] = encryptedDataKeys;
  return Buffer.from(ciphertext.subarray(28, 44)).toString('hex');
}
