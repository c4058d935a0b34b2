import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { KmsKey } from '../keys/kms-key.ts';
import type { Call } from '../kms.ts';
import {
  assertNotDryRun,
  dryRun,
  encryptionContext,
  grantTokens,
  keyId,
  numberOfBytes,
} from '../protocol/members.ts';
import type { Output } from '../protocol/operation.ts';
import { readyToEncrypt } from './encryption.ts';

/** A fresh data key and its encryption under a symmetric key. */
interface DataKey {
  readonly key: KmsKey;
  readonly ciphertext: Uint8Array;
  readonly keyMaterialId: string | undefined;
  readonly plaintext: Uint8Array;
}

/** What the two operations that generate data keys take. */
export const dataKeyInput = z
  .object({
    KeyId: keyId,
    KeySpec: z.enum(['AES_128', 'AES_256']).optional(),
    NumberOfBytes: numberOfBytes.optional(),
    EncryptionContext: encryptionContext,
    GrantTokens: grantTokens,
    DryRun: dryRun,
  })
  .transform(({ KeySpec, NumberOfBytes, ...others }, context) => {
    const lengths = [KeySpec && BYTES_OF_KEY_SPEC[KeySpec], NumberOfBytes].filter(
      (length) => length !== undefined,
    );
    const [length] = lengths;
    if (length !== undefined && lengths.length === 1) return { ...others, length };
    context.addIssue({ code: 'custom', message: 'takes exactly one of KeySpec and NumberOfBytes' });
    return z.NEVER;
  });

/** Generates a data key, makes an answer of it, and wipes the plaintext in any case. */
export async function withDataKey(
  { KeyId, length, EncryptionContext, DryRun }: z.output<typeof dataKeyInput>,
  call: Call,
  answer: (dataKey: DataKey) => Output,
): Promise<Output> {
  const { key, cipher } = readyToEncrypt(call, {
    keyId: KeyId,
    algorithm: 'SYMMETRIC_DEFAULT',
    context: EncryptionContext,
  });
  assertNotDryRun(DryRun);
  const plaintext = randomBytes(length);
  try {
    return answer({ key, plaintext, ...(await cipher.encrypt(plaintext)) });
  } finally {
    plaintext.fill(0);
  }
}

const BYTES_OF_KEY_SPEC = { AES_128: 16, AES_256: 32 } as const;
