import { randomBytes, yieldToEventLoop } from '#crypto';
import { concat } from './bytes.ts';
import type { CryptographicMaterialsManager } from './cmm/cmm.ts';
import { assertMayEncrypt, type CommitmentPolicy } from './commitment-policy.ts';
import { type EncryptionContext, filterContext } from './context.ts';
import { encodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Signer } from './crypto/provider.ts';
import { deriveMessageKeys } from './derive.ts';
import { EncryptionSdkError } from './errors.ts';
import { FRAME_OVERHEAD, FrameBinding, MAX_UINT32, TAG_LENGTH, writeFrameHead } from './format/body.ts';
import { writeFooter } from './format/footer.ts';
import {
  assertEncryptedDataKeyCount,
  type MessageHeader,
  messageIdLength,
  writeHeaderAuthentication,
  writeHeaderBody,
} from './format/header.ts';
import { Input } from './format/input.ts';
import { sealHeader } from './header-tag.ts';
import { completeEncryptionMaterials } from './materials.ts';
import { Pace } from './pace.ts';
import type { AlgorithmSuite } from './suites.ts';

/** What a message is to be, and where its materials come from. */
export interface EncryptionOptions {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly maxEncryptedDataKeys: number;
  readonly cmm: CryptographicMaterialsManager;
  readonly encryptionContext: EncryptionContext;
  /** Absent if the policy's default will do. */
  readonly suite: AlgorithmSuite | undefined;
  readonly frameLength: number;
  /** Most bytes of plaintext, if known. */
  readonly maxLength: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A message in the making. Feed plaintext in chunks of any size; keep the bytes that come back, in order. */
export interface MessageEncryptor {
  readonly header: MessageHeader;
  /** Stored and not stored pairs. */
  readonly encryptionContext: EncryptionContext;
  /** Takes a chunk and answers the part of the message that is ready. */
  update(chunk: Uint8Array): Promise<Uint8Array>;
  /** Takes the last chunk, which may be empty, and answers the rest of the message. */
  final(chunk: Uint8Array): Promise<Uint8Array>;
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
    if (suite !== undefined && materials.suite !== suite) {
      throw new EncryptionSdkError('MATERIALS_INVALID', 'the materials are for another algorithm suite');
    }
    const { length: keyCount } = materials.encryptedDataKeys;
    assertEncryptedDataKeyCount(keyCount, Math.min(options.maxEncryptedDataKeys, 0xffff));
    return await startMessage(completeEncryptionMaterials(materials), options.frameLength);
  } finally {
    materials.dataKey?.fill(0);
  }
}

async function startMessage(
  materials: ReturnType<typeof completeEncryptionMaterials>,
  frameLength: number,
): Promise<MessageEncryptor> {
  const { suite, encryptionContext } = materials;
  const required = new Set(materials.requiredEncryptionContextKeys);
  const messageId = randomBytes(messageIdLength(suite));
  const { contentKey, commitKey } = await deriveMessageKeys(suite, materials.dataKey, messageId);
  const header: MessageHeader = {
    suite,
    messageId,
    encryptionContext: filterContext(encryptionContext, (key) => !required.has(key)),
    encryptedDataKeys: materials.encryptedDataKeys,
    contentType: 'framed',
    frameLength,
    commitKey,
  };
  const headerBody = writeHeaderBody(header);
  const tag = await sealHeader(contentKey, headerBody, materials);
  const headerBytes = concat([headerBody, writeHeaderAuthentication(suite, tag)]);
  return new FrameEncryptor(
    header,
    headerBytes,
    encryptionContext,
    contentKey,
    materials.signingKey?.signer(),
  );
}

class FrameEncryptor implements MessageEncryptor {
  readonly header: MessageHeader;
  readonly encryptionContext: EncryptionContext;
  readonly #contentKey: AesGcmKey;
  readonly #signer: Signer | undefined;
  readonly #binding: FrameBinding;
  readonly #input = new Input();
  readonly #pace = new Pace();
  /** Bytes that go out before the next frame. */
  #prefix: Uint8Array;
  #sequenceNumber = 0;

  constructor(
    header: MessageHeader,
    headerBytes: Uint8Array,
    encryptionContext: EncryptionContext,
    contentKey: AesGcmKey,
    signer: Signer | undefined,
  ) {
    this.header = header;
    this.#prefix = headerBytes;
    this.encryptionContext = encryptionContext;
    this.#contentKey = contentKey;
    this.#signer = signer;
    this.#binding = new FrameBinding(header.messageId);
  }

  async update(chunk: Uint8Array): Promise<Uint8Array> {
    const out = await this.#seal(chunk, false);
    this.#input.settle();
    return out;
  }

  async final(chunk: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#seal(chunk, true);
    } finally {
      this.#input.wipe();
    }
  }

  /** Everything that is ready goes to one new array: a whole message in a single call costs one allocation. */
  async #seal(chunk: Uint8Array, isLast: boolean): Promise<Uint8Array> {
    const { frameLength } = this.header;
    this.#input.push(chunk);
    const available = this.#input.length;
    // The last frame of a message is a final frame, also a full one: until the end is known, hold one back.
    const regularFrames = Math.max(0, Math.ceil(available / frameLength) - 1);
    const finalLength = available - regularFrames * frameLength;
    const length =
      this.#prefix.length +
      regularFrames * (frameLength + FRAME_OVERHEAD.regular) +
      (isLast ? finalLength + FRAME_OVERHEAD.final : 0);
    const footerLength = isLast && this.#signer !== undefined ? MAX_FOOTER_LENGTH : 0;

    const out = new Uint8Array(length + footerLength);
    out.set(this.#prefix);
    let offset = this.#prefix.length;
    this.#prefix = NOTHING;
    let signed = 0;
    for (let frame = 0; frame < regularFrames; frame++) {
      offset = await this.#sealFrame('regular', frameLength, out, offset);
      if (!this.#pace.isDue(frameLength)) continue;
      // What has just been written is still in the processor's cache.
      this.#signer?.update(out.subarray(signed, offset));
      signed = offset;
      await yieldToEventLoop();
    }
    if (isLast) offset = await this.#sealFrame('final', finalLength, out, offset);
    if (this.#signer === undefined) return out;

    this.#signer.update(out.subarray(signed, offset));
    if (!isLast) return out;
    const footer = writeFooter(encodeEcdsaSignature(await this.#signer.sign()));
    out.set(footer, offset);
    return out.subarray(0, offset + footer.length);
  }

  /** Answers the offset behind the frame. */
  async #sealFrame(
    kind: 'regular' | 'final',
    length: number,
    out: Uint8Array,
    offset: number,
  ): Promise<number> {
    if (this.#sequenceNumber === MAX_UINT32) {
      throw new EncryptionSdkError(
        'FRAME_LIMIT_EXCEEDED',
        'the plaintext needs too many frames: use longer ones',
      );
    }
    const sequenceNumber = ++this.#sequenceNumber;
    const iv = this.#binding.iv(sequenceNumber);
    const content = offset + writeFrameHead(out.subarray(offset), kind, sequenceNumber, iv, length);
    const end = content + length + TAG_LENGTH;
    const aad = this.#binding.aad(kind, sequenceNumber, length);
    await this.#contentKey.seal(iv, aad, this.#input.take(length), out.subarray(content, end));
    return end;
  }
}

/** Length field and the longest DER signature, on P-384. */
const MAX_FOOTER_LENGTH = 2 + 104;
const NOTHING = new Uint8Array(0);
