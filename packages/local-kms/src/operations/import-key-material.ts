import { z } from 'zod';
import { daysAfter } from '../clock.ts';
import { unwrapKeyMaterial } from '../cryptography/key-wrapping.ts';
import type { ImportParameters } from '../keys/import-tokens.ts';
import { addImported, assertImports, importedMaterialId } from '../keys/imported-versions.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyMaterialId } from '../keys/key-metadata.ts';
import { foreignMaterial } from '../keys/key-specs.ts';
import { assertState } from '../keys/key-state.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { KeyMaterial } from '../keys/material/key-material.ts';
import { KmsException } from '../kms-exception.ts';
import { ciphertextBlob, importedMaterial, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { timestamp } from '../protocol/time.ts';

/** Imports key material that was wrapped with the parameters that go with the token. */
export const importKeyMaterial = operation({
  input: z.object({
    KeyId: keyId,
    ImportToken: ciphertextBlob,
    EncryptedKeyMaterial: ciphertextBlob,
    ValidTo: timestamp.optional(),
    ExpirationModel: z
      .enum(['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE'])
      .default('KEY_MATERIAL_EXPIRES'),
    ImportType: z.enum(['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL']).optional(),
    KeyMaterialDescription: z
      .string()
      .max(256)
      .regex(/^[a-zA-Z0-9:/_\s.-]+$/)
      .optional(),
    KeyMaterialId: importedMaterial.optional(),
  }),
  run(input, call) {
    const { ImportType, KeyMaterialDescription, KeyMaterialId } = input;
    const key = keyWithIdNotAlias(call, input.KeyId);
    assertImports(key);
    assertState(call, key, 'import');
    if (
      key.spec !== 'SYMMETRIC_DEFAULT' &&
      (ImportType ?? KeyMaterialDescription ?? KeyMaterialId) !== undefined
    ) {
      throw invalid('ImportType, KeyMaterialDescription and KeyMaterialId go with symmetric keys only.');
    }
    if (ImportType === 'NEW_KEY_MATERIAL' && KeyMaterialId !== undefined) {
      throw invalid('KeyMaterialId: new material has no id yet');
    }
    const expiresAt = expiryOf(input, call.account.clock.now());
    const parameters = call.importTokens.redeem(input.ImportToken, key.id);
    const material = unwrapped(key, parameters, input.EncryptedKeyMaterial);
    const id = importedMaterialId(key.id, material);
    if (KeyMaterialId !== undefined && KeyMaterialId !== id) throw incorrect();
    addImported(call.account, key, id, {
      material,
      type: ImportType,
      description: KeyMaterialDescription,
      expiresAt,
    });
    return { KeyId: key.arn, KeyMaterialId: keyMaterialId(key, { id }) };
  },
});

interface Expiry {
  readonly ExpirationModel: 'KEY_MATERIAL_EXPIRES' | 'KEY_MATERIAL_DOES_NOT_EXPIRE';
  readonly ValidTo?: Date | undefined;
}

function expiryOf({ ExpirationModel, ValidTo }: Expiry, now: Date): Date | undefined {
  if (ExpirationModel === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (ValidTo === undefined) return undefined;
    throw invalid('ValidTo: does not go with material that does not expire');
  }
  if (ValidTo && ValidTo > now && ValidTo <= daysAfter(now, MAX_VALIDITY_DAYS)) return ValidTo;
  throw invalid(`ValidTo: must be a time in the next ${MAX_VALIDITY_DAYS} days`);
}

function unwrapped(
  { spec }: KmsKey,
  { wrappingKey, wrappingAlgorithm }: ImportParameters,
  wrapped: Uint8Array,
): KeyMaterial {
  const bytes = unwrapKeyMaterial(wrappingKey, wrappingAlgorithm, wrapped);
  if (!bytes) throw new KmsException('InvalidCiphertextException', 'The key material cannot be unwrapped.');
  try {
    const material = foreignMaterial(spec, bytes);
    if (!material) throw incorrect();
    return material;
  } finally {
    bytes.fill(0);
  }
}

function invalid(message: string): KmsException {
  return new KmsException('ValidationException', message);
}

function incorrect(): KmsException {
  return new KmsException('IncorrectKeyMaterialException', 'This is not the key material to import.');
}

const MAX_VALIDITY_DAYS = 365;
