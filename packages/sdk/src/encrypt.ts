import { randomBytes } from '#crypto';
import type { CryptographicMaterialsManager } from './cmm/cmm.ts';
import { assertMayEncrypt, type CommitmentPolicy } from './commitment-policy.ts';
import { type EncryptionContext, filterContext } from './context.ts';
import { deriveMessageKeys } from './derive.ts';
import { MessageEncryptor } from './encrypt-body.ts';
import {
  assertEncryptedDataKeyCount,
  type MessageHeader,
  messageIdLength,
  writeHeader,
} from './format/header.ts';
import { sealHeader } from './header-tag.ts';
import { assertEncryptionMaterials, type EncryptionMaterials, type WithDataKey } from './materials.ts';
import type { AlgorithmSuite } from './suites.ts';

/** How to write a message, and where its materials come from. */
export interface EncryptionOptions {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly maxEncryptedDataKeys: number;
  readonly cmm: CryptographicMaterialsManager;
  readonly encryptionContext: EncryptionContext;
  /** Absent if the CMM is to choose. */
  readonly suite: AlgorithmSuite | undefined;
  readonly frameLength: number;
  /** Most bytes of plaintext, if known. */
  readonly maxLength: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks for materials and starts a framed message with them.
 *
 * Rejects with `EncryptionSdkError` `COMMITMENT_POLICY_VIOLATED`, `KEYRING_FAILED`, `MATERIALS_INVALID` or
 * `TOO_MANY_ENCRYPTED_DATA_KEYS`.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/encrypt.md
 */
export async function startEncryption(options: EncryptionOptions): Promise<MessageEncryptor> {
  const { commitmentPolicy, encryptionContext, suite, maxLength, signal } = options;
  signal?.throwIfAborted();
  const materials = await options.cmm.encryptionMaterials({
    commitmentPolicy,
    encryptionContext,
    requiredEncryptionContextKeys: [],
    ...(suite && { suite }),
    ...(maxLength !== undefined && { maxPlaintextLength: maxLength }),
    ...(signal && { signal }),
  });
  try {
    assertMayEncrypt(commitmentPolicy, materials.suite);
    assertEncryptionMaterials(materials, suite);
    const { length: keyCount } = materials.encryptedDataKeys;
    assertEncryptedDataKeyCount(keyCount, Math.min(options.maxEncryptedDataKeys, 0xffff));
    return await startMessage(materials, options.frameLength);
  } finally {
    materials.dataKey?.fill?.(0);
  }
}

async function startMessage(
  materials: EncryptionMaterials & WithDataKey,
  frameLength: number,
): Promise<MessageEncryptor> {
  const { suite, encryptionContext } = materials;
  const messageId = randomBytes(messageIdLength(suite));
  const { contentKey, commitKey } = await deriveMessageKeys(suite, materials.dataKey, messageId);
  const header: MessageHeader = {
    suite,
    messageId,
    encryptionContext: storedContext(materials),
    encryptedDataKeys: materials.encryptedDataKeys,
    contentType: 'framed',
    frameLength,
    commitKey,
  };
  const { bytes, body, tag } = writeHeader(header);
  await sealHeader(contentKey, body, materials, tag);
  return new MessageEncryptor(header, bytes, encryptionContext, contentKey, materials.signingKey?.signer());
}

function storedContext(materials: EncryptionMaterials): EncryptionContext {
  const { encryptionContext, requiredEncryptionContextKeys: required } = materials;
  if (required.length === 0 && Object.isFrozen(encryptionContext)) return encryptionContext;
  return filterContext(encryptionContext, (key) => !required.includes(key));
}
