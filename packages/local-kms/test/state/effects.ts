import {
  CancelKeyDeletionCommand,
  ConnectCustomKeyStoreCommand,
  CreateAliasCommand,
  CreateCustomKeyStoreCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DeleteAliasCommand,
  DeleteCustomKeyStoreCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  DisconnectCustomKeyStoreCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  KMSServiceException,
  ListAliasesCommand,
  ListGrantsCommand,
  ListKeyRotationsCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReplicateKeyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateCustomKeyStoreCommand,
  UpdateKeyDescriptionCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms';
import { importMaterial } from '../fixtures/imports.ts';
import { connectionEnd, keyStoreInput, present } from '../fixtures/kms.ts';
import type { TestProxy } from '../fixtures/proxy.ts';
import type { RunningKms } from '../fixtures/state.ts';

/** What an operation does, and a question whose answer it changes. */
export interface Effect {
  readonly act: () => Promise<unknown>;
  readonly see: (kms: RunningKms) => Promise<unknown>;
}

/** For every operation that changes something, an effect; getting there takes place before it is acted. */
export const EFFECTS: Readonly<Record<string, (kms: RunningKms, proxy: TestProxy) => Promise<Effect>>> = {
  CancelKeyDeletion: (kms) =>
    onKey(kms, { before: scheduled, act: (id) => kms.client.send(new CancelKeyDeletionCommand(id)) }),
  CreateAlias: (kms) => onKey(kms, { act: (id) => kms.client.send(alias('created', id)), see: aliasesOf }),
  CreateGrant: (kms) => onKey(kms, { act: (id) => kms.client.send(grant(id)), see: grantsOf }),
  CreateKey: async (kms) => ({
    act: () => kms.client.send(new CreateKeyCommand({ Tags: [{ TagKey: 'a', TagValue: 'b' }] })),
    see: ({ client }) => told(client.send(new ListKeysCommand({ Limit: 1000 }))),
  }),
  DeleteAlias: (kms) =>
    onKey(kms, {
      before: (kms, id) => kms.client.send(alias('deleted', id)),
      act: () => kms.client.send(new DeleteAliasCommand({ AliasName: 'alias/deleted' })),
      see: aliasesOf,
    }),
  DeleteImportedKeyMaterial: (kms) =>
    onKey(kms, {
      input: { Origin: 'EXTERNAL' },
      before: imported,
      act: (id) => kms.client.send(new DeleteImportedKeyMaterialCommand(id)),
    }),
  DisableKey: (kms) => onKey(kms, { act: (id) => kms.client.send(new DisableKeyCommand(id)) }),
  DisableKeyRotation: (kms) =>
    onKey(kms, {
      before: rotating,
      act: (id) => kms.client.send(new DisableKeyRotationCommand(id)),
      see: rotationOf,
    }),
  EnableKey: (kms) =>
    onKey(kms, {
      before: (kms, id) => kms.client.send(new DisableKeyCommand(id)),
      act: (id) => kms.client.send(new EnableKeyCommand(id)),
    }),
  EnableKeyRotation: (kms) => onKey(kms, { act: (id) => rotating(kms, id), see: rotationOf }),
  ImportKeyMaterial: (kms) =>
    onKey(kms, {
      input: { Origin: 'EXTERNAL' },
      act: ({ KeyId }) =>
        importMaterial(kms, KeyId, Buffer.alloc(32, 1), {
          ExpirationModel: 'KEY_MATERIAL_EXPIRES',
          ValidTo: new Date(Date.now() + 8_000_000_000),
          ImportType: 'NEW_KEY_MATERIAL',
          KeyMaterialDescription: 'of March',
        }),
    }),
  PutKeyPolicy: (kms) =>
    onKey(kms, {
      act: (id) => kms.client.send(new PutKeyPolicyCommand({ ...id, Policy: POLICY })),
      see: ({ client }, id) => told(client.send(new GetKeyPolicyCommand(id))),
    }),
  ReplicateKey: (kms) =>
    onKey(kms, { input: { MultiRegion: true }, act: (id) => replicated(kms, id), see: inTheWest }),
  RetireGrant: (kms) => onGrant(kms, (id) => kms.client.send(new RetireGrantCommand(id))),
  RevokeGrant: (kms) => onGrant(kms, (id) => kms.client.send(new RevokeGrantCommand(id))),
  RotateKeyOnDemand: (kms) =>
    onKey(kms, {
      act: (id) => kms.client.send(new RotateKeyOnDemandCommand(id)),
      see: ({ client }, id) =>
        told(client.send(new ListKeyRotationsCommand({ ...id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))),
    }),
  ScheduleKeyDeletion: (kms) => onKey(kms, { act: (id) => scheduled(kms, id) }),
  TagResource: (kms) => onKey(kms, { act: (id) => tagged(kms, id), see: tagsOf }),
  UntagResource: (kms) =>
    onKey(kms, {
      before: tagged,
      act: (id) => kms.client.send(new UntagResourceCommand({ ...id, TagKeys: ['__proto__'] })),
      see: tagsOf,
    }),
  UpdateAlias: (kms) =>
    onKey(kms, {
      before: async ({ client }) => {
        const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
        await client.send(alias('moved', { KeyId: present(KeyMetadata?.KeyId) }));
      },
      act: ({ KeyId }) =>
        kms.client.send(new UpdateAliasCommand({ AliasName: 'alias/moved', TargetKeyId: KeyId })),
      see: aliasesOf,
    }),
  UpdateKeyDescription: (kms) =>
    onKey(kms, {
      act: (id) => kms.client.send(new UpdateKeyDescriptionCommand({ ...id, Description: 'new ☃' })),
    }),
  UpdatePrimaryRegion: (kms) =>
    onKey(kms, {
      input: { MultiRegion: true },
      before: replicated,
      act: (id) => kms.client.send(new UpdatePrimaryRegionCommand({ ...id, PrimaryRegion: 'us-west-2' })),
      see: inTheWest,
    }),
  ConnectCustomKeyStore: (kms, proxy) => onStore(kms, proxy, { act: (id) => connected(kms, id) }),
  CreateCustomKeyStore: async (kms, proxy) => ({
    act: () => storeNamed(kms, proxy, 'created'),
    see: ({ client }) => told(client.send(new DescribeCustomKeyStoresCommand())),
  }),
  DeleteCustomKeyStore: (kms, proxy) =>
    onStore(kms, proxy, { act: (id) => kms.client.send(new DeleteCustomKeyStoreCommand(id)) }),
  DisconnectCustomKeyStore: (kms, proxy) =>
    onStore(kms, proxy, {
      before: connected,
      act: (id) => kms.client.send(new DisconnectCustomKeyStoreCommand(id)),
    }),
  UpdateCustomKeyStore: (kms, proxy) =>
    onStore(kms, proxy, {
      act: (id) =>
        kms.client.send(new UpdateCustomKeyStoreCommand({ ...id, NewCustomKeyStoreName: 'updated' })),
    }),
};

type KeyName = { readonly KeyId: string };
type StoreName = { readonly CustomKeyStoreId: string };

interface KeyEffect {
  readonly input?: CreateKeyCommandInput;
  readonly before?: (kms: RunningKms, id: KeyName) => Promise<unknown>;
  readonly act: (id: KeyName) => Promise<unknown>;
  readonly see?: (kms: RunningKms, id: KeyName) => Promise<unknown>;
}

async function onKey(
  kms: RunningKms,
  { input = {}, before, act, see = described }: KeyEffect,
): Promise<Effect> {
  const { KeyMetadata } = await kms.client.send(new CreateKeyCommand(input));
  const id = { KeyId: present(KeyMetadata?.KeyId) };
  await before?.(kms, id);
  return { act: () => act(id), see: (kms) => see(kms, id) };
}

async function onGrant(
  kms: RunningKms,
  act: (id: KeyName & { readonly GrantId: string }) => Promise<unknown>,
): Promise<Effect> {
  let GrantId: string | undefined;
  return onKey(kms, {
    before: async ({ client }, id) => {
      ({ GrantId } = await client.send(grant(id)));
    },
    act: (id) => act({ ...id, GrantId: present(GrantId) }),
    see: grantsOf,
  });
}

interface StoreEffect {
  readonly before?: (kms: RunningKms, id: StoreName) => Promise<unknown>;
  readonly act: (id: StoreName) => Promise<unknown>;
}

async function onStore(kms: RunningKms, proxy: TestProxy, { before, act }: StoreEffect): Promise<Effect> {
  stores += 1;
  const id = { CustomKeyStoreId: await storeNamed(kms, proxy, `store ${stores}`) };
  await before?.(kms, id);
  const see = ({ client }: RunningKms) => told(client.send(new DescribeCustomKeyStoresCommand(id)));
  return { act: () => act(id), see };
}

/** What is answered, or which exception; without what is different each time. */
async function told(answer: Promise<object>): Promise<unknown> {
  try {
    const { $metadata: _, ...told } = { $metadata: undefined, ...(await answer) };
    return told;
  } catch (error) {
    if (error instanceof KMSServiceException) return error.name;
    throw error;
  }
}

const described = ({ client }: RunningKms, id: KeyName) => told(client.send(new DescribeKeyCommand(id)));
const aliasesOf = ({ client }: RunningKms, id: KeyName) => told(client.send(new ListAliasesCommand(id)));
const grantsOf = ({ client }: RunningKms, id: KeyName) => told(client.send(new ListGrantsCommand(id)));
const rotationOf = ({ client }: RunningKms, id: KeyName) =>
  told(client.send(new GetKeyRotationStatusCommand(id)));
const tagsOf = ({ client }: RunningKms, id: KeyName) => told(client.send(new ListResourceTagsCommand(id)));
const inTheWest = ({ clientIn }: RunningKms, id: KeyName) =>
  told(clientIn('us-west-2').send(new DescribeKeyCommand(id)));

const alias = (name: string, { KeyId }: KeyName) =>
  new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: KeyId });
const grant = (id: KeyName) =>
  new CreateGrantCommand({
    ...id,
    Name: 'nightly',
    GranteePrincipal: 'arn:aws:iam::111122223333:role/app',
    RetiringPrincipal: 'arn:aws:iam::111122223333:root',
    Operations: ['Encrypt', 'RetireGrant'],
    Constraints: { EncryptionContextSubset: { team: 'a' } },
  });
const scheduled = ({ client }: RunningKms, id: KeyName) =>
  client.send(new ScheduleKeyDeletionCommand({ ...id, PendingWindowInDays: 9 }));
const rotating = ({ client }: RunningKms, id: KeyName) =>
  client.send(new EnableKeyRotationCommand({ ...id, RotationPeriodInDays: 100 }));
const imported = (kms: RunningKms, { KeyId }: KeyName) => importMaterial(kms, KeyId, Buffer.alloc(32, 1));
const replicated = ({ client }: RunningKms, id: KeyName) =>
  client.send(new ReplicateKeyCommand({ ...id, ReplicaRegion: 'us-west-2', Description: 'west' }));
const tagged = ({ client }: RunningKms, id: KeyName) =>
  client.send(
    new TagResourceCommand({
      ...id,
      Tags: [
        { TagKey: '__proto__', TagValue: '' },
        { TagKey: 'team', TagValue: 'a' },
      ],
    }),
  );

let stores = 0;

async function storeNamed({ client }: RunningKms, proxy: TestProxy, name: string): Promise<string> {
  const input = keyStoreInput(proxy);
  // No two stores have the same URI; the proxy does not mind.
  const XksProxyUriPath = `/${name.replaceAll(' ', '-')}${input.XksProxyUriPath}`;
  const create = new CreateCustomKeyStoreCommand({ ...input, CustomKeyStoreName: name, XksProxyUriPath });
  const { CustomKeyStoreId } = await client.send(create);
  return present(CustomKeyStoreId);
}

async function connected(kms: RunningKms, id: StoreName): Promise<void> {
  await kms.client.send(new ConnectCustomKeyStoreCommand(id));
  await connectionEnd(kms, id.CustomKeyStoreId);
}

const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' },
});
