import { yieldToEventLoop } from '#crypto';
import { decodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Awaitable, Opener, Verifier } from './crypto/provider.ts';
import { decryptionFailed, EncryptionSdkError } from './errors.ts';
import {
  FrameBinding,
  type FrameHead,
  plaintextLengthOf,
  readFrameHead,
  readNonFramedHead,
  TAG_LENGTH,
} from './format/body.ts';
import { readFooter } from './format/footer.ts';
import type { MessageHeader } from './format/header.ts';
import { type Input, UnitReader } from './format/input.ts';
import { feed, Pace } from './pace.ts';
import { type Parts, PIECE_LENGTH } from './parts.ts';
import { COORDINATE_LENGTH } from './suites.ts';

/** Frames, footer, end of a message whose header is authentic. */
export class BodyDecryptor {
  readonly #header: MessageHeader;
  readonly #contentKey: AesGcmKey;
  readonly #verifier: Verifier | undefined;
  readonly #binding: FrameBinding;
  readonly #footerReader = new UnitReader(readFooter());
  readonly #pace = new Pace();
  #sequenceNumber = 1;
  #expects: 'frame' | 'footer' | 'end' = 'frame';
  /** A frame that has not all come in. */
  #begun: BegunFrame | undefined;
  /** Bytes of the message that the verifier has yet to see: views of the input. */
  #unverified: Uint8Array[] = [];
  /** The last plaintext of a signed message waits here for the signature. */
  #held: readonly Uint8Array[] = [];

  constructor(header: MessageHeader, contentKey: AesGcmKey, verifier: Verifier | undefined) {
    this.#header = header;
    this.#contentKey = contentKey;
    this.#verifier = verifier;
    this.#binding = new FrameBinding(header.messageId);
  }

  /** Bytes of plaintext that wait for the rest of their frame, or for the signature. */
  get heldLength(): number {
    return this.#held.reduce((sum, { length }) => sum + length, this.#begun?.length ?? 0);
  }

  get isComplete(): boolean {
    return this.#expects === 'end';
  }

  /** Opens everything that is in the input. After a failure, what was not given out is still to be wiped. */
  async read(input: Input, out: Parts): Promise<void> {
    out.expect(this.#copiedLength(input, out));
    while (this.#expects === 'frame') {
      const head = this.#begun === undefined ? this.#nextHead(input) : undefined;
      if (head !== undefined && this.#isWhole(head, input, out)) {
        const opened = this.#openWhole(head, input, out);
        // Node opens at once: for a short frame, to wait would cost as much as to open.
        if (!(typeof opened === 'boolean' ? opened : await opened)) throw decryptionFailed();
        const length = head.headLength + head.contentLength + TAG_LENGTH;
        this.#use(input, length);
        this.#endFrame(head.kind);
        if (this.#pace.isDue(length)) await this.#rest();
      } else {
        if (head !== undefined) this.#begin(head, input);
        if (this.#begun === undefined || !(await this.#continue(this.#begun, input, out))) break;
      }
    }
    await this.#verifyRead();
    if (this.#expects === 'footer') await this.#readFooter(input, out);
    if (this.#expects === 'end' && input.length > 0) {
      throw new EncryptionSdkError('MESSAGE_MALFORMED', 'there are bytes behind the end of the message');
    }
  }

  /** Drops and zeroes plaintext that was not given out. */
  wipe(): void {
    this.#begun?.opener.wipe();
    for (const part of this.#held) part.fill(0);
    this.#held = [];
  }

  /** Bytes of plaintext that will be copied to one array, since they come in short frames. */
  #copiedLength(input: Input, out: Parts): number {
    const { contentType, frameLength } = this.#header;
    if (this.#expects !== 'frame' || !out.copies(frameLength)) return 0;
    if (contentType !== 'framed') return out.isJoined ? input.length : 0;
    const { head, length = 0 } = this.#begun ?? {};
    const missing = head === undefined ? 0 : head.contentLength - length;
    const start = head === undefined ? 0 : missing + TAG_LENGTH;
    const continued = Math.min(missing, input.length);
    return this.heldLength + continued + plaintextLengthOf(input, start, frameLength);
  }

  #nextHead(input: Input): FrameHead | undefined {
    const { contentType, frameLength } = this.#header;
    return contentType === 'framed'
      ? readFrameHead(input, frameLength, this.#sequenceNumber)
      : readNonFramedHead(input);
  }

  /** True for a frame that is all there, and whose plaintext may be written to where it is given out. */
  #isWhole({ kind, headLength, contentLength }: FrameHead, input: Input, out: Parts): boolean {
    return (
      input.rowLength >= headLength + contentLength + TAG_LENGTH &&
      out.copies(contentLength) &&
      (out.isJoined || !this.#isHeld(kind))
    );
  }

  /** Nothing is given out at once of the last plaintext of a signed message. */
  #isHeld(kind: FrameHead['kind']): boolean {
    return kind !== 'regular' && this.#verifier !== undefined;
  }

  #openWhole(head: FrameHead, input: Input, out: Parts): Awaitable<boolean> {
    const { headLength, contentLength } = head;
    const sealed = input.peek(headLength, headLength + contentLength + TAG_LENGTH);
    const offset = out.reserve(contentLength);
    return this.#contentKey.open(this.#binding.ivOf(input, head), this.#aad(head), sealed, out.block, offset);
  }

  #begin(head: FrameHead, input: Input): void {
    const opener = this.#contentKey.opener(this.#binding.ivOf(input, head), this.#aad(head));
    this.#begun = { head, opener, length: 0 };
    this.#use(input, head.headLength);
  }

  /** Takes what is there of a frame, and answers true if that was its end. */
  async #continue(begun: BegunFrame, input: Input, out: Parts): Promise<boolean> {
    const { opener, head } = begun;
    while (begun.length < head.contentLength && input.length > 0) {
      const missing = head.contentLength - begun.length;
      const length = Math.min(missing, input.rowLength, PIECE_LENGTH);
      opener.update(input.peek(0, length));
      this.#use(input, length);
      begun.length += length;
      if (this.#pace.isDue(length)) await this.#rest();
    }
    if (begun.length < head.contentLength || input.length < TAG_LENGTH) return false;
    const opened = opener.final(input.peek(0, TAG_LENGTH));
    this.#use(input, TAG_LENGTH);
    const plaintext = await opened;
    if (plaintext === undefined) throw decryptionFailed();
    this.#begun = undefined;
    if (this.#isHeld(head.kind)) this.#held = plaintext;
    else for (const part of plaintext) out.put(part);
    this.#endFrame(head.kind);
    return true;
  }

  #aad({ kind, sequenceNumber, contentLength }: FrameHead): Uint8Array {
    return this.#binding.aad(kind, sequenceNumber, contentLength);
  }

  #endFrame(kind: FrameHead['kind']): void {
    this.#sequenceNumber += 1;
    if (kind !== 'regular') this.#expects = this.#verifier ? 'footer' : 'end';
  }

  /** Uses up bytes of the input. Mostly they lie behind others: the verifier is called once for many. */
  #use(input: Input, length: number): void {
    if (this.#verifier === undefined) {
      input.skip(length);
      return;
    }
    const raw = input.take(length);
    const last = this.#unverified.at(-1);
    if (last?.buffer === raw.buffer && last.byteOffset + last.length === raw.byteOffset) {
      const row = new Uint8Array(raw.buffer, last.byteOffset, last.length + length);
      this.#unverified.splice(-1, 1, row);
    } else this.#unverified.push(raw);
  }

  async #verifyRead(): Promise<void> {
    if (this.#unverified.length === 0) return;
    await feed(this.#verifier, this.#unverified);
    this.#unverified = [];
  }

  /** Lets others have their turn. What has just been read is still in the processor's cache. */
  async #rest(): Promise<void> {
    await this.#verifyRead();
    await yieldToEventLoop();
  }

  async #readFooter(input: Input, out: Parts): Promise<void> {
    const read = this.#footerReader.read(input);
    if (read === undefined) return;
    const curve = this.#header.suite.signature?.curve;
    const signature = curve && decodeEcdsaSignature(read.unit, COORDINATE_LENGTH[curve]);
    if (signature === undefined || !(await this.#verifier?.verify(signature))) throw decryptionFailed();
    for (const part of this.#held) out.put(part);
    this.#held = [];
    this.#expects = 'end';
  }
}

interface BegunFrame {
  readonly head: FrameHead;
  readonly opener: Opener;
  /** Bytes of content that have come. */
  length: number;
}
