import { z } from 'zod';
import { KmsError } from '../errors.ts';
import type { CustomKeyStore } from '../key-stores/custom-key-stores.ts';
import { keyMetadata } from '../keys/key-metadata.ts';
import { isKeySpec, KEY_SPECS, type KeySpec, OTHER_KEY_SPECS } from '../keys/key-specs.ts';
import { assertUnused, type ExternalKey } from '../keys/keys.ts';
import type { Call } from '../kms.ts';
import { customKeyStoreId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { kmsErrorFor } from '../xks/failures.ts';
import { resultOf } from '../xks/result.ts';

const keySpec = z.enum([...Object.keys(KEY_SPECS), ...OTHER_KEY_SPECS]);

/** Makes a key, on its own or in an external key store. */
export const createKey = operation({
  input: z.object({
    Description: z.string().max(8192).default(''),
    KeyUsage: z
      .enum([
        'ENCRYPT_DECRYPT',
        'KEY_AGREEMENT',
        'SIGN_VERIFY',
        'GENERATE_VERIFY_MAC',
        'ENCAPSULATE_DECAPSULATE',
      ])
      .optional(),
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
  }),
  unsupported: ['Policy', 'BypassPolicyLockoutSafetyCheck', 'Tags'],
  async run(input, call) {
    const spec = specOf(input);
    const external = externalKeyOf(input);
    if (input.MultiRegion) throw unsupported('Multi-Region keys are not supported.');
    if (external) await checkExternalKey(call, external, spec);
    const material = await KEY_SPECS[spec].generate();
    // The store may have been disconnected, or deleted, while its proxy was asked.
    if (external) connectedStore(call, external);
    const key = call.keys.add({
      spec,
      description: input.Description,
      material,
      ...(external && { external }),
    });
    call.concerns(key.arn);
    return { KeyMetadata: keyMetadata(call, key) };
  },
});

interface SpecInput {
  readonly KeyUsage?: string | undefined;
  readonly KeySpec?: string | undefined;
  readonly CustomerMasterKeySpec?: string | undefined;
}

function specOf({ KeyUsage, KeySpec, CustomerMasterKeySpec }: SpecInput): KeySpec {
  if (KeySpec !== undefined && CustomerMasterKeySpec !== undefined) {
    throw invalid('KeySpec and CustomerMasterKeySpec are two names of one parameter.');
  }
  const spec = KeySpec ?? CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';
  if (!isKeySpec(spec)) throw unsupported(`Keys of the spec ${spec} are not supported.`);
  const { usage, symmetric } = KEY_SPECS[spec];
  if (KeyUsage === undefined && !symmetric) throw invalid('KeyUsage: is required for an asymmetric key');
  if (KeyUsage === undefined || KeyUsage === usage) return spec;
  if (symmetric) throw invalid(`KeyUsage: ${KeyUsage} does not go with ${spec}`);
  throw unsupported(`Keys of the spec ${spec} for ${KeyUsage} are not supported.`);
}

interface OriginInput {
  readonly Origin: string;
  readonly CustomKeyStoreId?: string | undefined;
  readonly XksKeyId?: string | undefined;
}

function externalKeyOf({ Origin, CustomKeyStoreId, XksKeyId }: OriginInput): ExternalKey | undefined {
  if (Origin === 'EXTERNAL_KEY_STORE') {
    if (CustomKeyStoreId === undefined || XksKeyId === undefined) {
      throw invalid('The origin EXTERNAL_KEY_STORE requires CustomKeyStoreId and XksKeyId.');
    }
    return { customKeyStoreId: CustomKeyStoreId, xksKeyId: XksKeyId };
  }
  if (Origin !== 'AWS_KMS') throw unsupported(`Keys of the origin ${Origin} are not supported.`);
  if (CustomKeyStoreId !== undefined || XksKeyId !== undefined) {
    throw invalid('CustomKeyStoreId and XksKeyId require the origin EXTERNAL_KEY_STORE.');
  }
  return undefined;
}

async function checkExternalKey(call: Call, external: ExternalKey, spec: KeySpec): Promise<void> {
  if (spec !== 'SYMMETRIC_DEFAULT') throw unsupported('An external key store holds symmetric keys only.');
  const store = connectedStore(call, external);
  assertUnused(external, call.keys.inCustomKeyStore(store.id));
  const check = await call.xks.checkKey(store.proxy, external.xksKeyId, call.xksCaller);
  if (!resultOf(check, 'createKey')) {
    throw new KmsError(
      'XksKeyInvalidConfigurationException',
      'The external key has to be an enabled AES-256 key for encryption and decryption.',
    );
  }
}

function connectedStore({ customKeyStores }: Call, { customKeyStoreId }: ExternalKey): CustomKeyStore {
  const store = customKeyStores.withId(customKeyStoreId);
  if (store.connection.state !== 'CONNECTED') throw kmsErrorFor('KeyStoreNotConnected', 'createKey');
  return store;
}

function invalid(message: string): KmsError {
  return new KmsError('ValidationException', message);
}

function unsupported(message: string): KmsError {
  return new KmsError('UnsupportedOperationException', message);
}
