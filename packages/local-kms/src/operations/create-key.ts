import { z } from 'zod';
import type { CustomKeyStore } from '../key-stores/custom-key-stores.ts';
import { keyMetadata } from '../keys/key-metadata.ts';
import { assertPolicy, policyText } from '../keys/key-policy.ts';
import {
  isKeySpec,
  KEY_SPECS,
  KEY_USAGES,
  type KeySpec,
  type KeyUsage,
  keySpecRow,
  OTHER_KEY_SPECS,
} from '../keys/key-specs.ts';
import { assertUnused } from '../keys/keys.ts';
import type { ExternalKey, KmsKey } from '../keys/kms-key.ts';
import { newKey } from '../keys/new-key.ts';
import { assertNoLockout } from '../keys/policy-lockout.ts';
import { tagList, withTags } from '../keys/tags.ts';
import { firstVersion } from '../keys/versions.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { customKeyStoreId, description } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { kmsExceptionFor } from '../xks/failures.ts';
import { resultOf } from '../xks/result.ts';

const keySpec = z.enum([...Object.keys(KEY_SPECS), ...OTHER_KEY_SPECS]);

/** Makes a key: with material of its own, for material to be imported, or in an external key store. */
export const createKey = operation({
  onAccount: true,
  input: z.object({
    Policy: policyText.optional(),
    BypassPolicyLockoutSafetyCheck: z.boolean().optional(),
    Description: description.default(''),
    KeyUsage: z.enum(KEY_USAGES).optional(),
    KeySpec: keySpec.optional(),
    CustomerMasterKeySpec: keySpec.optional(),
    Origin: z.enum(['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE']).default('AWS_KMS'),
    CustomKeyStoreId: customKeyStoreId.optional(),
    XksKeyId: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[a-zA-Z0-9-_.]+$/)
      .optional(),
    MultiRegion: z.boolean().default(false),
    Tags: tagList.default([]),
  }),
  async run(input, call) {
    const { spec, usage } = kindOf(input);
    const { origin, external } = originOf(input);
    if (input.Policy !== undefined) assertPolicy(input.Policy);
    const tags = withTags(new Map(), input.Tags);
    const key = newKey(call, {
      spec,
      usage,
      origin,
      external,
      multiRegion: input.MultiRegion,
      description: input.Description,
      policy: input.Policy,
      tags,
    });
    // Before a proxy is asked, and before material is made that would be thrown away.
    if (input.Policy !== undefined) {
      assertNoLockout(call, { kms: call, key, bypass: input.BypassPolicyLockoutSafetyCheck });
    }
    if (external) await checkExternalKey(call, external, spec, input.MultiRegion);
    const material = origin === 'EXTERNAL' ? undefined : await keySpecRow(spec).generate();
    // The store may have been disconnected, or deleted, while its proxy was asked.
    if (external) connectedStore(call, external);
    const versions = material ? [firstVersion(material, call.account.ids)] : [];
    const made = { ...key, versions };
    call.keys.add(made);
    call.concerns(key.arn);
    return { KeyMetadata: keyMetadata(call, made) };
  },
});

interface KindInput {
  readonly KeyUsage?: string | undefined;
  readonly KeySpec?: string | undefined;
  readonly CustomerMasterKeySpec?: string | undefined;
}

function kindOf({ KeyUsage, KeySpec, CustomerMasterKeySpec }: KindInput): Pick<KmsKey, 'spec' | 'usage'> {
  if (KeySpec !== undefined && CustomerMasterKeySpec !== undefined) {
    throw invalid('KeySpec and CustomerMasterKeySpec are two names of one parameter.');
  }
  const spec = KeySpec ?? CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';
  if (!isKeySpec(spec)) throw unsupported(`Keys of the spec ${spec} are not supported.`);
  if (KeyUsage === undefined && spec !== 'SYMMETRIC_DEFAULT') {
    throw invalid(`KeyUsage: is required for a key of the spec ${spec}`);
  }
  const requested = KeyUsage ?? 'ENCRYPT_DECRYPT';
  const usage = usagesOf(spec).find((usage) => usage === requested);
  if (usage === undefined) throw invalid(`KeyUsage: ${requested} does not go with ${spec}`);
  return { spec, usage };
}

function usagesOf(spec: KeySpec): readonly KeyUsage[] {
  return KEY_USAGES.filter((usage) => keySpecRow(spec).algorithms[usage] !== undefined);
}

interface OriginInput {
  readonly Origin: KmsKey['origin'] | 'AWS_CLOUDHSM';
  readonly CustomKeyStoreId?: string | undefined;
  readonly XksKeyId?: string | undefined;
}

function originOf({ Origin, CustomKeyStoreId, XksKeyId }: OriginInput): Pick<KmsKey, 'origin' | 'external'> {
  if (Origin === 'EXTERNAL_KEY_STORE') {
    if (CustomKeyStoreId === undefined || XksKeyId === undefined) {
      throw invalid('The origin EXTERNAL_KEY_STORE requires CustomKeyStoreId and XksKeyId.');
    }
    return { origin: Origin, external: { customKeyStoreId: CustomKeyStoreId, xksKeyId: XksKeyId } };
  }
  if (Origin === 'AWS_CLOUDHSM') throw unsupported('There are no AWS CloudHSM clusters here.');
  if (CustomKeyStoreId !== undefined || XksKeyId !== undefined) {
    throw invalid('CustomKeyStoreId and XksKeyId require the origin EXTERNAL_KEY_STORE.');
  }
  return { origin: Origin, external: undefined };
}

async function checkExternalKey(
  call: Call,
  external: ExternalKey,
  spec: KeySpec,
  multiRegion: boolean,
): Promise<void> {
  if (spec !== 'SYMMETRIC_DEFAULT' || multiRegion) {
    throw unsupported('An external key store holds symmetric single-Region keys only.');
  }
  const store = connectedStore(call, external);
  assertUnused(external, call.keys.inCustomKeyStore(store.id));
  const check = await call.xks.checkKey(store.proxy, external.xksKeyId, call.xksCaller);
  if (!resultOf(check, 'createKey')) {
    throw new KmsException(
      'XksKeyInvalidConfigurationException',
      'The external key has to be an enabled AES-256 key for encryption and decryption.',
    );
  }
}

function connectedStore({ customKeyStores }: Call, { customKeyStoreId }: ExternalKey): CustomKeyStore {
  const store = customKeyStores.withId(customKeyStoreId);
  if (store.connection.state !== 'CONNECTED') throw kmsExceptionFor('KeyStoreNotConnected', 'createKey');
  return store;
}

function invalid(message: string): KmsException {
  return new KmsException('ValidationException', message);
}

function unsupported(message: string): KmsException {
  return new KmsException('UnsupportedOperationException', message);
}
