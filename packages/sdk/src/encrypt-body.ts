import { unsafeBytes, yieldToEventLoop } from '#crypto';
import { fullSubarray, NOTHING, plainView } from './bytes.ts';
import { collectingSealer } from './collecting-sealer.ts';
import type { EncryptionContext } from './context.ts';
import { encodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Awaitable, Sealer, Signer } from './crypto/provider.ts';
import { EncryptionSdkError } from './errors.ts';
import {
  FRAME_OVERHEAD,
  FrameBinding,
  IV_LENGTH,
  MAX_UINT32,
  TAG_LENGTH,
  writeFrameHead,
  writeIv,
} from './format/body.ts';
import { writeFooter } from './format/footer.ts';
import type { MessageHeader } from './format/header.ts';
import { feed, Pace } from './pace.ts';
import { Parts, PIECE_LENGTH } from './parts.ts';

/**
 * A message that is being written. Takes plaintext in chunks of any size; the arrays that it returns, in order, are the
 * message.
 */
export class MessageEncryptor {
  readonly header: MessageHeader;
  /** All pairs, including those that the message does not store. */
  readonly encryptionContext: EncryptionContext;
  readonly contentKey: AesGcmKey;
  readonly #signer: Signer | undefined;
  readonly #binding: FrameBinding;
  readonly #iv = new Uint8Array(IV_LENGTH);
  readonly #pace = new Pace();
  /** Bytes that go out before the next frame. */
  #prefix: Uint8Array;
  #sequenceNumber = 1;
  /**
   * A frame that lacks plaintext, or a full one: the last frame of a message is a final frame, even if it is full, and
   * whether more plaintext comes is not known yet. It is sealed as a regular frame, as nearly all are.
   */
  #begun: { readonly sealer: Sealer; length: number } | undefined;

  /** Parts that the signer has seen, and, if all are joined, how many bytes of the output it has seen. */
  readonly #signed: Uint8Array<ArrayBuffer>[] = [];
  #signedLength = 0;

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
    this.contentKey = contentKey;
    this.#signer = signer;
    this.#binding = new FrameBinding(header.messageId);
  }

  /** Takes a chunk and resolves to the part of the message that is ready. */
  async update(chunk: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const out = new Parts(unsafeBytes);
    const available = chunk.length + (this.#begun?.length ?? 0);
    this.#start(out, available, FRAME_OVERHEAD.regular * Math.ceil(available / this.header.frameLength));
    await this.#sealRegular(plainView(chunk), out, false);
    await this.#signWritten(out);
    return this.#taken(out);
  }

  /** Ends the plaintext and resolves to the rest of the message. */
  async final(): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    const out = new Parts(unsafeBytes);
    const begun = this.#begun;
    this.#start(out, begun?.length ?? 0, this.#lastOverhead());
    if (begun === undefined) await this.#seal('final', NOTHING, out);
    else {
      const aad = this.#binding.aad('final', this.#sequenceNumber, begun.length);
      this.#put('final', begun.length, await begun.sealer.finalWith(aad), out);
    }
    await this.#sign(out);
    return this.#taken(out);
  }

  /** Resolves to the whole message in one array. No other call may come before or after. */
  async whole(plaintext: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const out = new Parts(unsafeBytes, true);
    const view = plainView(plaintext);
    const { length } = view;
    const regularFrames = Math.max(0, Math.ceil(length / this.header.frameLength) - 1);
    this.#start(out, length, FRAME_OVERHEAD.regular * regularFrames + this.#lastOverhead());
    const sealed = await this.#sealRegular(view, out, true);
    await this.#seal('final', fullSubarray(view, sealed, length), out);
    await this.#sign(out);
    return out.join();
  }

  /**
   * Leaves the next regular frames to the caller, and returns the sequence number of the first.
   *
   * @throws EncryptionSdkError `FRAME_LIMIT_EXCEEDED` if there are not as many sequence numbers left
   */
  skip(frames: number): number {
    const first = this.#sequenceNumber;
    this.#sequenceNumber += frames;
    this.#assertFrameIsLeft(this.#sequenceNumber - 1);
    return first;
  }

  /** Signs frames that the caller has sealed. */
  async adopt(sealed: Uint8Array): Promise<void> {
    await feed(this.#signer, [sealed]);
  }

  /** Gives up: drops and zeroes plaintext. */
  wipe(): void {
    this.#begun?.sealer.wipe();
    this.#begun = undefined;
  }

  /** Makes room at once for plaintext and overhead, unless frames are long, and puts out the header. */
  #start(out: Parts, length: number, overhead: number): void {
    const areFramesCopied = out.copies(this.header.frameLength);
    out.expect(this.#prefix.length + (areFramesCopied ? length + overhead : 0));
    if (this.#prefix.length > 0) out.putCopy(this.#prefix);
    this.#prefix = NOTHING;
  }

  /**
   * Seals the plaintext that is certain to be in regular frames, and returns its length. The rest begins another frame,
   * unless `isLast`.
   */
  async #sealRegular(chunk: Uint8Array, out: Parts, isLast: boolean): Promise<number> {
    const { frameLength } = this.header;
    // Read once: a chunk that is transferred to a thread meanwhile, or shortened, must fail and not end there.
    const { length: available } = chunk;
    let offset = 0;
    while (offset < available) {
      const left = available - offset;
      if (this.#begun?.length === frameLength) {
        this.#put('regular', frameLength, await this.#begun.sealer.final(), out);
      }
      let length = frameLength;
      if (this.#begun === undefined && left > frameLength && out.copies(frameLength)) {
        const sealed = this.#seal('regular', fullSubarray(chunk, offset, offset + frameLength), out);
        // Node seals synchronously: for a short frame, an await would cost as much as sealing.
        if (sealed !== undefined) await sealed;
      } else {
        if (isLast) break;
        length = this.#begin(fullSubarray(chunk, offset, offset + Math.min(left, PIECE_LENGTH)));
      }
      offset += length;
      if (!this.#pace.isDue(length)) continue;
      // Signed now, while it is still in the processor's cache.
      await this.#signWritten(out);
      await yieldToEventLoop();
    }
    return offset;
  }

  /** Adds plaintext to the frame that has begun, or begins one, and returns how much of it the frame takes. */
  #begin(plaintext: Uint8Array): number {
    const { frameLength } = this.header;
    if (this.#begun === undefined) {
      const { iv, aad } = this.#bind('regular', frameLength);
      const sealer = this.contentKey.sealer?.(iv, aad) ?? collectingSealer(this.contentKey, iv, aad);
      this.#begun = { sealer, length: 0 };
    }
    const length = Math.min(plaintext.length, frameLength - this.#begun.length);
    this.#begun.sealer.update(plaintext.subarray(0, length));
    this.#begun.length += length;
    return length;
  }

  /** Puts out a frame that was sealed piece by piece. */
  #put(
    kind: 'regular' | 'final',
    length: number,
    sealed: readonly Uint8Array<ArrayBuffer>[],
    out: Parts,
  ): void {
    this.#writeHead(kind, length, 0, out);
    for (const part of sealed) out.put(part);
    this.#begun = undefined;
    this.#sequenceNumber += 1;
  }

  /** Seals a whole frame directly to its place in the output. */
  #seal(kind: 'regular' | 'final', plaintext: Uint8Array, out: Parts): Awaitable<void> {
    const { iv, aad } = this.#bind(kind, plaintext.length);
    const offset = this.#writeHead(kind, plaintext.length, plaintext.length + TAG_LENGTH, out);
    this.#sequenceNumber += 1;
    return this.contentKey.seal(iv, aad, plaintext, out.block, offset);
  }

  /** IV and additional data of the next frame. */
  #bind(kind: 'regular' | 'final', length: number): { readonly iv: Uint8Array; readonly aad: Uint8Array } {
    this.#assertFrameIsLeft(this.#sequenceNumber);
    writeIv(this.#iv, this.#sequenceNumber);
    return { iv: this.#iv, aad: this.#binding.aad(kind, this.#sequenceNumber, length) };
  }

  /** Upper bound of the bytes around the plaintext of the final frame and after it. */
  #lastOverhead(): number {
    return FRAME_OVERHEAD.final + (this.#signer === undefined ? 0 : MAX_FOOTER_LENGTH);
  }

  #assertFrameIsLeft(sequenceNumber: number): void {
    if (sequenceNumber <= MAX_UINT32) return;
    throw new EncryptionSdkError(
      'FRAME_LIMIT_EXCEEDED',
      'the plaintext needs too many frames: use longer ones',
    );
  }

  /** Writes the fields before the content, makes room after them, and returns its offset. */
  #writeHead(kind: 'regular' | 'final', length: number, room: number, out: Parts): number {
    const offset = out.reserve(FRAME_OVERHEAD[kind] - TAG_LENGTH + room);
    writeIv(this.#iv, this.#sequenceNumber);
    return writeFrameHead(out.block, offset, kind, this.#sequenceNumber, this.#iv, length);
  }

  /** Signs what has been written since the last call. */
  async #signWritten(out: Parts): Promise<void> {
    if (this.#signer === undefined) return;
    if (out.isJoined) {
      await feed(this.#signer, [out.block.subarray(this.#signedLength, out.length)]);
      this.#signedLength = out.length;
    } else {
      const parts = out.take();
      this.#signed.push(...parts);
      await feed(this.#signer, parts);
    }
  }

  #taken(out: Parts): readonly Uint8Array<ArrayBuffer>[] {
    return [...this.#signed.splice(0), ...out.take()];
  }

  async #sign(out: Parts): Promise<void> {
    if (this.#signer === undefined) return;
    await this.#signWritten(out);
    out.putCopy(writeFooter(encodeEcdsaSignature(await this.#signer.sign())));
  }
}

/** Length field and the longest DER signature, on P-384. */
const MAX_FOOTER_LENGTH = 2 + 104;
