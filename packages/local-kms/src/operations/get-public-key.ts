import { z } from 'zod';
import { keyWithId } from '../keys/key-id.ts';
import { algorithmsOf } from '../keys/key-metadata.ts';
import { assertState } from '../keys/key-state.ts';
import { publicKeyBytes } from '../keys/material/material-bytes.ts';
import { currentVersion } from '../keys/versions.ts';
import { KmsException } from '../kms-exception.ts';
import { toBase64 } from '../protocol/base64.ts';
import { grantTokens, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** The public half of an asymmetric key as DER SubjectPublicKeyInfo. */
export const getPublicKey = operation({
  input: z.object({ KeyId: keyId, GrantTokens: grantTokens }),
  run({ KeyId }, call) {
    const key = keyWithId(call, KeyId);
    assertState(call, key, 'use');
    const material = currentVersion(key)?.material;
    if (!material || material.type === 'secret') {
      throw new KmsException('UnsupportedOperationException', `The key ${key.arn} has no public key.`);
    }
    return {
      KeyId: key.arn,
      PublicKey: toBase64(publicKeyBytes(material)),
      CustomerMasterKeySpec: key.spec,
      KeySpec: key.spec,
      KeyUsage: key.usage,
      ...algorithmsOf(key),
    };
  },
});
