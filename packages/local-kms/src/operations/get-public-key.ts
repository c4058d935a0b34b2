import { z } from 'zod';
import { KmsError } from '../errors.ts';
import { keyWithId } from '../keys/key-id.ts';
import { algorithmsOf } from '../keys/key-metadata.ts';
import { KEY_SPECS } from '../keys/key-specs.ts';
import { assertUsable } from '../keys/key-state.ts';
import { toBase64 } from '../protocol/base64.ts';
import { grantTokens, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** The public half of an asymmetric key as DER SubjectPublicKeyInfo. */
export const getPublicKey = operation({
  input: z.object({ KeyId: keyId, GrantTokens: grantTokens }),
  run({ KeyId }, call) {
    const key = keyWithId(call, KeyId);
    const { material, spec } = key;
    if (material.type === 'aes') {
      throw new KmsError('UnsupportedOperationException', `The key ${key.arn} has no public key.`);
    }
    const { usage } = KEY_SPECS[spec];
    assertUsable(key, usage);
    return {
      KeyId: key.arn,
      PublicKey: toBase64(material.publicKey),
      CustomerMasterKeySpec: spec,
      KeySpec: spec,
      KeyUsage: usage,
      ...algorithmsOf(spec),
    };
  },
});
