import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DeleteCustomKeyStoreCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EnableKeyCommand,
  EncryptCommand,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  connect,
  createKeyStore,
  refusal,
  SCOPE,
  startKms,
  startKmsWithExternalKey,
  startKmsWithProxy,
} from '../fixtures/kms.ts';

const aUuid: unknown = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const aHash: unknown = expect.stringMatching(/^[0-9a-f]{64}$/);
const aDate: unknown = expect.any(Date);

// The former name of KeySpec: deprecated in the SDK, still taken by the API.
const withFormerKeySpec = (spec: string, input: object): object => ({
  ...input,
  CustomerMasterKeySpec: spec,
});

describe('CreateKey', () => {
  test('makes an enabled symmetric key of its own by default', async () => {
    const { client } = await startKms();
    const before = Date.now();
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ Description: 'first' }));
    expect(KeyMetadata).toEqual({
      AWSAccountId: '111122223333',
      KeyId: aUuid,
      Arn: `arn:aws:kms:${SCOPE}:key/${KeyMetadata?.KeyId}`,
      CreationDate: aDate,
      Enabled: true,
      Description: 'first',
      KeyUsage: 'ENCRYPT_DECRYPT',
      KeyState: 'Enabled',
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      KeySpec: 'SYMMETRIC_DEFAULT',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      MultiRegion: false,
      CurrentKeyMaterialId: aHash,
    });
    const created = KeyMetadata?.CreationDate?.getTime() ?? 0;
    expect(created).toBeGreaterThanOrEqual(before);
    expect(created).toBeLessThanOrEqual(Date.now());
  });

  test.each<[CreateKeyCommandInput, object]>([
    [
      { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
      { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] },
    ],
    [
      withFormerKeySpec('ECC_NIST_P384', { KeyUsage: 'KEY_AGREEMENT' }),
      { KeySpec: 'ECC_NIST_P384', KeyAgreementAlgorithms: ['ECDH'] },
    ],
    [
      { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', Origin: 'AWS_KMS' },
      { KeySpec: 'SYMMETRIC_DEFAULT' },
    ],
  ])('makes a key of %j', async (input, expected) => {
    const { client } = await startKms();
    const { KeyMetadata } = await client.send(new CreateKeyCommand(input));
    expect(KeyMetadata).toMatchObject({ ...expected, KeyUsage: input.KeyUsage });
  });

  test.each<[string, CreateKeyCommandInput]>([
    ['ValidationException', { KeySpec: 'RSA_2048' }],
    ['ValidationException', { KeyUsage: 'KEY_AGREEMENT' }],
    ['ValidationException', withFormerKeySpec('AES_512', {})],
    ['ValidationException', withFormerKeySpec('SYMMETRIC_DEFAULT', { KeySpec: 'SYMMETRIC_DEFAULT' })],
    ['ValidationException', { Description: 'x'.repeat(8193) }],
    ['ValidationException', { CustomKeyStoreId: 'cks-1' }],
    ['ValidationException', { XksKeyId: 'external-1' }],
    ['ValidationException', { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: 'cks-1' }],
    ['ValidationException', { Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'external-1' }],
    ['ValidationException', { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: 'cks-1', XksKeyId: 'a/b' }],
    [
      'CustomKeyStoreNotFoundException',
      { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: 'cks-1', XksKeyId: 'a' },
    ],
    ['ValidationException', { KeySpec: 'HMAC_256' }],
    ['ValidationException', { KeySpec: 'RSA_2048', KeyUsage: 'KEY_AGREEMENT' }],
    ['ValidationException', { KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'KEY_AGREEMENT' }],
    ['ValidationException', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'ENCRYPT_DECRYPT' }],
    ['UnsupportedOperationException', { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' }],
    ['ValidationException', { KeySpec: 'ML_KEM_768', KeyUsage: 'KEY_AGREEMENT' }],
    ['ValidationException', { KeySpec: 'ML_DSA_65', KeyUsage: 'ENCAPSULATE_DECAPSULATE' }],
    ['UnsupportedOperationException', { Origin: 'AWS_CLOUDHSM' }],
    ['MalformedPolicyDocumentException', { Policy: '{}' }],
    ['TagException', { Tags: [{ TagKey: '', TagValue: '' }] }],
  ])('refuses with %s: %j', async (name, input) => {
    const { client } = await startKms();
    expect(await refusal(client.send(new CreateKeyCommand(input)))).toBe(name);
    expect((await client.send(new ListKeysCommand())).Keys).toEqual([]);
  });
});

describe('CreateKey in an external key store', () => {
  const external = (CustomKeyStoreId: string, XksKeyId = 'external-2') =>
    ({ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId }) as const;

  test('makes a key that names its store and its external key', async () => {
    const { client, KeyId, CustomKeyStoreId } = await startKmsWithExternalKey();
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({
      Origin: 'EXTERNAL_KEY_STORE',
      KeyState: 'Enabled',
      CustomKeyStoreId,
      XksKeyConfiguration: { Id: 'external-1' },
    });
    expect(KeyMetadata).not.toHaveProperty('CurrentKeyMaterialId');
  });

  test('takes an external key once in a store', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    const create = new CreateKeyCommand(external(CustomKeyStoreId, 'external-1'));
    expect(await refusal(client.send(create))).toBe('XksKeyAlreadyInUseException');
  });

  test('takes an external key once even if two requests race for it', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    const create = new CreateKeyCommand(external(CustomKeyStoreId));
    const results = await Promise.all([refusal(client.send(create)), refusal(client.send(create))]);
    expect(results.sort()).toEqual(['XksKeyAlreadyInUseException', 'no exception']);
  });

  test('makes no key in a store that is disconnected and deleted while its proxy is asked', async () => {
    const kms = await startKmsWithProxy();
    const { client, proxy } = kms;
    const CustomKeyStoreId = await createKeyStore(kms, proxy);
    await connect(kms, CustomKeyStoreId);
    proxy.before = async () => {
      await client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
      await client.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
    };
    const create = new CreateKeyCommand(external(CustomKeyStoreId));
    expect(await refusal(client.send(create))).toBe('CustomKeyStoreNotFoundException');
    expect((await client.send(new ListKeysCommand())).Keys).toEqual([]);
  });

  test('needs the store to be connected', async () => {
    const kms = await startKmsWithProxy();
    const id = await createKeyStore(kms, kms.proxy);
    const create = new CreateKeyCommand(external(id));
    expect(await refusal(kms.client.send(create))).toBe('CustomKeyStoreInvalidStateException');
  });

  test('makes symmetric single-Region keys only', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    for (const change of [
      { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
      { MultiRegion: true },
    ] as const) {
      const create = new CreateKeyCommand({ ...external(CustomKeyStoreId), ...change });
      expect(await refusal(client.send(create))).toBe('UnsupportedOperationException');
    }
  });
});

describe('the state of a key', () => {
  const stateOf = async ({ client }: Awaited<ReturnType<typeof startKms>>, KeyId: string) => {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    return { state: KeyMetadata?.KeyState, enabled: KeyMetadata?.Enabled };
  };

  test('follows DisableKey and EnableKey, each as often as it is called', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    for (const Command of [DisableKeyCommand, DisableKeyCommand])
      await kms.client.send(new Command({ KeyId }));
    expect(await stateOf(kms, KeyId)).toEqual({ state: 'Disabled', enabled: false });
    for (const Command of [EnableKeyCommand, EnableKeyCommand]) await kms.client.send(new Command({ KeyId }));
    expect(await stateOf(kms, KeyId)).toEqual({ state: 'Enabled', enabled: true });
  });

  test('is unavailable while its store is disconnected, whether or not it is disabled', async () => {
    const kms = await startKmsWithExternalKey();
    const { CustomKeyStoreId, KeyId } = kms;
    await kms.client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    expect(await stateOf(kms, KeyId)).toEqual({ state: 'Unavailable', enabled: false });
    await kms.client.send(new DisableKeyCommand({ KeyId }));
    expect(await stateOf(kms, KeyId)).toEqual({ state: 'Unavailable', enabled: false });
    const encrypt = new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(kms.client.send(encrypt))).toBe('KMSInvalidStateException');
    await connect(kms, CustomKeyStoreId);
    expect(await stateOf(kms, KeyId)).toEqual({ state: 'Disabled', enabled: false });
    expect(await refusal(kms.client.send(encrypt))).toBe('DisabledException');
  });
});

describe('ListKeys', () => {
  test('lists every key once, page by page', async () => {
    const { client, createKey } = await startKms();
    const created = [await createKey(), await createKey(), await createKey()];
    const first = await client.send(new ListKeysCommand({ Limit: 2 }));
    expect(first).toMatchObject({ Truncated: true, Keys: [{}, {}] });
    const rest = await client.send(new ListKeysCommand({ Limit: 2, Marker: first.NextMarker }));
    expect(rest).toMatchObject({ Truncated: false, Keys: [{}] });
    const listed = [...(first.Keys ?? []), ...(rest.Keys ?? [])];
    expect(listed.map(({ KeyId }) => KeyId)).toEqual(created.sort());
    expect(listed.map(({ KeyArn }) => KeyArn)).toEqual(created.map((id) => `arn:aws:kms:${SCOPE}:key/${id}`));
  });

  test.each([
    [{ Limit: 0 }, 'ValidationException'],
    [{ Limit: 1001 }, 'ValidationException'],
    [{ Marker: 'elsewhere' }, 'InvalidMarkerException'],
  ])('refuses %j', async (input, name) => {
    const { client } = await startKms();
    expect(await refusal(client.send(new ListKeysCommand(input)))).toBe(name);
  });
});
