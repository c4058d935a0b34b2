import { unsafeBytes, yieldToEventLoop } from '#crypto';
import { decodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Opener, Verifier } from './crypto/provider.ts';
import { decryptionFailed, malformed } from './errors.ts';
import {
  FrameBinding,
  type FrameHead,
  IV_LENGTH,
  plaintextLengthOf,
  readFrameHead,
  readNonFramedHead,
  TAG_LENGTH,
} from './format/body.ts';
import { readFooter } from './format/footer.ts';
import type { MessageHeader } from './format/header.ts';
import type { Input } from './format/input.ts';
import { UnitReader } from './format/unit-reader.ts';
import { feed, Pace } from './pace.ts';
import { Parts } from './parts.ts';
import { COORDINATE_LENGTH } from './suites.ts';

/** Reads the body of a message. */
export interface BodyReader {
  /** Bytes of plaintext that wait for the rest of their frame, or for the signature. */
  readonly heldLength: number;
  readonly isComplete: boolean;
  /** Opens what is in the input. After a failure the caller still has to call {@link wipe}. */
  read(input: Input, out: Parts): Promise<void>;
  /** Drops and zeroes plaintext that was not released. */
  wipe(): void;
}

/** The fields of a header that determine how to read the body. */
export type BodyFormat = Pick<MessageHeader, 'suite' | 'messageId' | 'contentType' | 'frameLength'>;

/** Reads the frames, the footer and the end of a message whose header is authentic. */
export class BodyDecryptor implements BodyReader {
  readonly #header: BodyFormat;
  readonly #contentKey: AesGcmKey;
  readonly #verifier: Verifier | undefined;
  readonly #binding: FrameBinding;
  readonly #footerReader = new UnitReader(readFooter);
  readonly #pace = new Pace();
  #sequenceNumber: number;
  #expects: 'frame' | 'footer' | 'end' = 'frame';
  /** A frame that has not fully arrived. */
  #begun: BegunFrame | undefined;
  /** The last plaintext of a signed message waits here for the signature. */
  readonly #held = new Parts(unsafeBytes);

  constructor(header: BodyFormat, contentKey: AesGcmKey, verifier: Verifier | undefined, sequenceNumber = 1) {
    this.#sequenceNumber = sequenceNumber;
    this.#header = header;
    this.#contentKey = contentKey;
    this.#verifier = verifier;
    this.#binding = new FrameBinding(header.messageId);
  }

  get heldLength(): number {
    return this.#held.length + (this.#begun?.opener.length ?? 0);
  }

  get isComplete(): boolean {
    return this.#expects === 'end';
  }

  async read(input: Input, out: Parts): Promise<void> {
    // The verifier has seen the header.
    if (this.#verifier) input.used();
    this.#expectOutput(input, out);
    while (this.#expects === 'frame') {
      this.#begun ??= this.#beginFrame(input);
      if (this.#begun === undefined) break;
      const { kind, opener } = this.#begun;
      const opened = opener.read(input);
      // Node opens synchronously: for a short frame, an await would cost as much as opening.
      const plaintext = !opened || 'length' in opened ? opened : await opened;
      if (plaintext === undefined) break;
      if (plaintext === false) throw decryptionFailed();
      if (this.#pace.isDue(this.#endFrame(kind, plaintext, out))) await this.#pause(input);
    }
    if (this.#verifier) await feed(this.#verifier, input.used());
    if (this.#expects === 'footer') await this.#readFooter(input, out);
    if (this.#expects === 'end' && input.length > 0) throw malformed('there are bytes behind it');
  }

  wipe(): void {
    this.#begun?.opener.wipe?.();
    this.#held.wipe();
  }

  /** Says how much plaintext may come out of this input. */
  #expectOutput(input: Input, out: Parts): void {
    const { frameLength } = this.#header;
    if (out.isJoined && frameLength > 0) return out.expect(plaintextLengthOf(input, frameLength));
    // Upper bound of the plaintext in this input. `frameLength` is 0 for a non-framed body, where every byte may be
    // plaintext.
    const share = frameLength / (frameLength + IV_LENGTH + TAG_LENGTH) || 1;
    const most = this.heldLength + Math.ceil(share * input.length);
    out.expect(out.copies(frameLength) ? most : 0);
  }

  /** Reads the head of the next frame; returns `undefined` if it has not fully arrived. */
  #beginFrame(input: Input): BegunFrame | undefined {
    const { contentType, frameLength } = this.#header;
    const head =
      contentType === 'framed'
        ? readFrameHead(input, frameLength, this.#sequenceNumber)
        : readNonFramedHead(input);
    if (head === undefined) return undefined;
    const { kind, ivOffset, headLength, contentLength } = head;
    // The IV is read, because other implementations are free to choose other IVs than this one.
    const iv = input.take(headLength).subarray(ivOffset, ivOffset + IV_LENGTH);
    const aad = this.#binding.aad(kind, this.#sequenceNumber, contentLength);
    return { kind, opener: this.#contentKey.opener(iv, aad, contentLength) };
  }

  /** Releases the plaintext of a frame, unless it waits for the signature, and returns its length. */
  #endFrame(kind: FrameHead['kind'], plaintext: readonly Uint8Array<ArrayBuffer>[], out: Parts): number {
    this.#begun = undefined;
    this.#sequenceNumber += 1;
    let released = out;
    if (kind !== 'regular') {
      this.#expects = this.#verifier ? 'footer' : 'end';
      // The plaintext of the last frame waits for the signature.
      if (this.#verifier) released = this.#held;
    }
    const before = released.length;
    for (const part of plaintext) released.put(part);
    return released.length - before;
  }

  /** Verifies what has been read, while it is still in the processor's cache, and yields to the event loop. */
  async #pause(input: Input): Promise<void> {
    if (this.#verifier) await feed(this.#verifier, input.used());
    await yieldToEventLoop();
  }

  async #readFooter(input: Input, out: Parts): Promise<void> {
    const read = this.#footerReader.read(input);
    if (read === undefined) return;
    const curve = this.#header.suite.signature?.curve;
    const signature = curve && decodeEcdsaSignature(read.unit, COORDINATE_LENGTH[curve]);
    if (signature === undefined || !(await this.#verifier?.verify(signature))) throw decryptionFailed();
    for (const part of this.#held.take()) out.put(part);
    this.#expects = 'end';
  }
}

interface BegunFrame {
  readonly kind: FrameHead['kind'];
  readonly opener: Opener;
}
