import {
  CreateGrantCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import type { Principals } from '@holdfast/local-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { refusal, startKms, type TestKms } from '../fixtures/kms.ts';

const ACCOUNT = '111122223333';
const KEY_IDS = {
  A: 'aaaaaaaa-0000-4000-8000-000000000000',
  B: 'bbbbbbbb-0000-4000-8000-000000000000',
  C: 'cccccccc-0000-4000-8000-000000000000',
} as const;
const OPERATIONS = ['Encrypt', 'Decrypt', 'GenerateDataKey', 'CreateGrant'] as const;
const CRYPTOGRAPHY = ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'];

const user = (name: string) => `arn:aws:iam::${ACCOUNT}:user/${name}`;
const keyArn = (key: keyof typeof KEY_IDS) => `arn:aws:kms:eu-north-1:${ACCOUNT}:key/${KEY_IDS[key]}`;
const policy = (...Statement: readonly object[]) => ({ Version: '2012-10-17', Statement });
const ENABLE_IAM = {
  Sid: 'Enable IAM',
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: 'kms:*',
  Resource: '*',
};
const cryptographyFor = (Sid: string, names: readonly string[], ...more: readonly string[]) => ({
  Sid,
  Effect: 'Allow',
  Principal: { AWS: names.map(user) },
  Action: [...CRYPTOGRAPHY, ...more],
  Resource: '*',
});

const KEY_POLICIES = {
  A: policy(ENABLE_IAM),
  B: policy(cryptographyFor('Use', ['danny', 'carlos'])),
  C: policy(
    ENABLE_IAM,
    {
      Sid: 'Not these',
      Effect: 'Deny',
      Principal: { AWS: [user('danny'), user('carlos')] },
      Action: 'kms:*',
      Resource: '*',
    },
    cryptographyFor('Alana', ['alana']),
    cryptographyFor('Jorge', ['jorge'], 'kms:CreateGrant'),
  ),
};

const person = (name: string, ...statements: readonly object[]) => ({
  accessKeys: [{ accessKeyId: name.toUpperCase(), secretAccessKey: `${name}-secret` }],
  ...(statements.length > 0 && { policies: { own: policy(...statements) } }),
});
const allow = (Action: string, ...keys: readonly (keyof typeof KEY_IDS)[]) => ({
  Effect: 'Allow',
  Action,
  Resource: keys.map(keyArn),
});
const principals: Principals = {
  accounts: {
    [ACCOUNT]: {
      users: {
        alana: person('alana', allow('kms:*', 'A', 'B')),
        danny: person('danny'),
        carlos: person('carlos', allow('kms:Encrypt', 'A')),
        jorge: person('jorge', allow('kms:*', 'B', 'C')),
      },
    },
  },
};

async function startThreeKeys(): Promise<TestKms> {
  const keys = (['A', 'B', 'C'] as const).map((key) => ({
    id: KEY_IDS[key],
    policy: KEY_POLICIES[key],
  }));
  return startKms({ auth: 'enforce', principals, seed: { keys } });
}

function clientOf(url: string, name: string): KMSClient {
  const client = new KMSClient({
    region: 'eu-north-1',
    endpoint: url,
    credentials: { accessKeyId: name.toUpperCase(), secretAccessKey: `${name}-secret` },
    maxAttempts: 1,
  });
  onTestFinished(() => client.destroy());
  return client;
}

/** Ciphertext under each key, by somebody who may encrypt: Alana has Key-A and Key-C, Danny has Key-B. */
async function ciphertexts(url: string) {
  const encrypt = async (name: string, key: keyof typeof KEY_IDS) =>
    (await clientOf(url, name).send(new EncryptCommand({ KeyId: KEY_IDS[key], Plaintext: Buffer.of(1) })))
      .CiphertextBlob;
  return { A: await encrypt('alana', 'A'), B: await encrypt('danny', 'B'), C: await encrypt('alana', 'C') };
}

// Encrypt, Decrypt, GenerateDataKey, CreateGrant: y for yes, n for no.
const CELLS: readonly (readonly [string, keyof typeof KEY_IDS, string, readonly string[]])[] = [
  ['alana', 'A', 'yyyy', ['IdentityPolicyAllows']],
  ['alana', 'B', 'nnnn', ['KeyPolicyDoesNotEnableAccount']],
  ['alana', 'C', 'yyyn', ['KeyPolicyAllows', 'IdentityPolicyMissing']],
  ['danny', 'A', 'nnnn', ['IdentityPolicyMissing']],
  ['danny', 'B', 'yyyn', ['KeyPolicyAllows', 'NothingAllows']],
  ['danny', 'C', 'nnnn', ['KeyPolicyDenies']],
  ['carlos', 'A', 'ynnn', ['IdentityPolicyAllows', 'IdentityPolicyMissing']],
  ['carlos', 'B', 'yyyn', ['KeyPolicyAllows', 'NothingAllows']],
  ['carlos', 'C', 'nnnn', ['KeyPolicyDenies']],
  ['jorge', 'A', 'nnnn', ['IdentityPolicyMissing']],
  ['jorge', 'B', 'nnnn', ['KeyPolicyDoesNotEnableAccount']],
  ['jorge', 'C', 'yyyy', ['KeyPolicyAllows']],
];

describe('three keys and four users', () => {
  test('get the right answer to each of 48 signed requests, and the right reason', async () => {
    const { url, local } = await startThreeKeys();
    const blobs = await ciphertexts(url);
    for (const [name, key, answers, reasons] of CELLS) {
      const client = clientOf(url, name);
      const KeyId = KEY_IDS[key];
      const calls = {
        Encrypt: () => client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.of(1) })),
        Decrypt: () => client.send(new DecryptCommand({ CiphertextBlob: blobs[key] })),
        GenerateDataKey: () => client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })),
        CreateGrant: () =>
          client.send(
            new CreateGrantCommand({ KeyId, GranteePrincipal: user('nobody'), Operations: ['Encrypt'] }),
          ),
      };
      const names = await Promise.all(OPERATIONS.map((operation) => refusal(calls[operation]())));
      const expected = Array.from(answers, (answer) =>
        answer === 'y' ? 'no exception' : 'AccessDeniedException',
      );
      expect({ name, key, names }).toEqual({ name, key, names: expected });
      const explained = OPERATIONS.map((operation) =>
        local.explain({ principal: name, operation, key: KeyId }),
      );
      expect(explained.map(({ allowed }) => (allowed ? 'y' : 'n')).join('')).toBe(answers);
      expect({ name, key, reasons: [...new Set(explained.map(({ reason }) => reason))] }).toEqual({
        name,
        key,
        reasons,
      });
    }
  });

  test('are explained as a whole', async () => {
    const { local } = await startThreeKeys();
    const matrix = local.explainAll({ operations: OPERATIONS });
    expect(matrix).toHaveLength(48);
    const shape = CELLS.map(([name, key, answers]) => ({
      principal: user(name),
      resource: keyArn(key),
      answers,
    }));
    for (const { principal, resource, answers } of shape) {
      const cell = matrix.filter((entry) => entry.principal === principal && entry.resource === resource);
      expect(cell.map(({ allowed }) => (allowed ? 'y' : 'n')).join('')).toBe(answers);
    }
  });

  test('are told which statement decides', async () => {
    const { local } = await startThreeKeys();
    const text = (principal: string, operation: string, key: keyof typeof KEY_IDS) =>
      local.explain({ principal, operation, key: KEY_IDS[key] }).statements;
    expect(text('carlos', 'Encrypt', 'A')).toEqual([
      { policy: 'the identity policy "own"', statement: 'statement 1' },
      { policy: 'the key policy', statement: 'statement "Enable IAM"' },
    ]);
    expect(text('danny', 'Decrypt', 'C')).toEqual([
      { policy: 'the key policy', statement: 'statement "Not these"' },
    ]);
  });
});
