import { yieldToEventLoop } from '#crypto';
import type { EncryptionContext } from './context.ts';
import { encodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Awaitable, Signer } from './crypto/provider.ts';
import { EncryptionSdkError } from './errors.ts';
import { FRAME_OVERHEAD, FrameBinding, MAX_UINT32, TAG_LENGTH, writeFrameHead } from './format/body.ts';
import { writeFooter } from './format/footer.ts';
import type { MessageHeader } from './format/header.ts';
import { Input } from './format/input.ts';
import { feed, Pace } from './pace.ts';

/** A message in the making. Feed plaintext in chunks of any size; keep the bytes that come back, in order. */
export class MessageEncryptor {
  readonly header: MessageHeader;
  /** Stored and not stored pairs. */
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

  /** Takes a chunk and answers the part of the message that is ready. */
  async update(chunk: Uint8Array): Promise<Uint8Array> {
    const out = await this.#seal(chunk, false);
    this.#input.settle();
    return out;
  }

  /** Takes the last chunk, which may be empty, and answers the rest of the message. */
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
      const sealed = this.#sealFrame('regular', frameLength, out, offset);
      // Node seals at once: for a short frame, to wait would cost as much as to seal.
      if (sealed !== undefined) await sealed;
      offset += frameLength + FRAME_OVERHEAD.regular;
      if (!this.#pace.isDue(frameLength)) continue;
      // What has just been written is still in the processor's cache.
      if (this.#signer) await feed(this.#signer, out.subarray(signed, offset));
      signed = offset;
      await yieldToEventLoop();
    }
    if (isLast) {
      await this.#sealFrame('final', finalLength, out, offset);
      offset += finalLength + FRAME_OVERHEAD.final;
    }
    if (this.#signer === undefined) return out;

    await feed(this.#signer, out.subarray(signed, offset));
    if (!isLast) return out;
    const footer = writeFooter(encodeEcdsaSignature(await this.#signer.sign()));
    out.set(footer, offset);
    return out.subarray(0, offset + footer.length);
  }

  /** Takes `length` bytes of the input, and writes their frame to `out` at `offset`. */
  #sealFrame(kind: 'regular' | 'final', length: number, out: Uint8Array, offset: number): Awaitable<void> {
    if (this.#sequenceNumber === MAX_UINT32) {
      throw new EncryptionSdkError(
        'FRAME_LIMIT_EXCEEDED',
        'the plaintext needs too many frames: use longer ones',
      );
    }
    const sequenceNumber = ++this.#sequenceNumber;
    const iv = this.#binding.iv(sequenceNumber);
    const content = writeFrameHead(out, offset, kind, sequenceNumber, iv, length);
    const sealed = out.subarray(content, content + length + TAG_LENGTH);
    const aad = this.#binding.aad(kind, sequenceNumber, length);
    return this.#contentKey.seal(iv, aad, this.#input.take(length), sealed);
  }
}

/** Length field and the longest DER signature, on P-384. */
const MAX_FOOTER_LENGTH = 2 + 104;
const NOTHING = new Uint8Array(0);
