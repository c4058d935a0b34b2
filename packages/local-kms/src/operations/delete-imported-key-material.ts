import { z } from 'zod';
import { assertImports, deleteImported } from '../keys/imported-versions.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyMaterialId } from '../keys/key-metadata.ts';
import { importedMaterial, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Deletes imported material; the key is unusable until the same is imported again. */
export const deleteImportedKeyMaterial = operation({
  input: z.object({ KeyId: keyId, KeyMaterialId: importedMaterial.optional() }),
  run({ KeyId, KeyMaterialId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertImports(key);
    const id = deleteImported(call.account, key, KeyMaterialId);
    return { KeyId: key.arn, KeyMaterialId: id && keyMaterialId(key, { id }) };
  },
});
