import { yieldToEventLoop } from '#crypto';
import { decodeEcdsaSignature } from './crypto/ecdsa-der.ts';
import type { AesGcmKey, Verifier } from './crypto/provider.ts';
import { decryptionFailed, EncryptionSdkError } from './errors.ts';
import {
  FrameBinding,
  plaintextLengthOf,
  readFrame,
  readNonFramedBody,
  type SealedFrame,
  TAG_LENGTH,
} from './format/body.ts';
import { readFooter } from './format/footer.ts';
import type { MessageHeader } from './format/header.ts';
import { type Input, UnitReader } from './format/input.ts';
import { feed, Pace } from './pace.ts';
import { COORDINATE_LENGTH } from './suites.ts';

/** Frames, footer, end of a message whose header is authentic. */
export class BodyDecryptor {
  readonly #header: MessageHeader;
  readonly #contentKey: AesGcmKey;
  readonly #verifier: Verifier | undefined;
  readonly #binding: FrameBinding;
  readonly #footerReader = new UnitReader(readFooter());
  #sequenceNumber = 1;
  #expects: 'frame' | 'footer' | 'end' = 'frame';
  readonly #pace = new Pace();
  /** Bytes of the message that the verifier has yet to see. */
  #unverified: Uint8Array = NOTHING;
  /** The last plaintext of a signed message waits here for the signature. */
  #held: Uint8Array = NOTHING;

  constructor(header: MessageHeader, contentKey: AesGcmKey, verifier: Verifier | undefined) {
    this.#header = header;
    this.#contentKey = contentKey;
    this.#verifier = verifier;
    this.#binding = new FrameBinding(header.messageId);
  }

  get heldLength(): number {
    return this.#held.length;
  }

  get isComplete(): boolean {
    return this.#expects === 'end';
  }

  /** Opens everything that is in the input. */
  async read(input: Input, out: Output): Promise<void> {
    out.expect(this.heldLength + this.#plaintextLength(input));
    while (this.#expects === 'frame') {
      const frame = this.#nextFrame(input);
      if (frame === undefined) break;
      const { kind, sequenceNumber, iv, sealed } = frame;
      const length = sealed.length - TAG_LENGTH;
      const isLast = kind !== 'regular';
      const plaintext = isLast && this.#verifier ? new Uint8Array(length) : out.reserve(length);
      const aad = this.#binding.aad(kind, sequenceNumber, length);
      const opened = this.#contentKey.open(iv, aad, sealed, plaintext);
      // Node opens at once: for a short frame, to wait would cost as much as to open.
      if (!(typeof opened === 'boolean' ? opened : await opened)) throw decryptionFailed();
      const raw = input.take(frame.length);
      if (this.#verifier && !this.#followsUnverified(raw)) {
        await this.#verifyRead();
        this.#unverified = raw;
      }
      if (isLast) {
        if (this.#verifier) this.#held = plaintext;
        this.#expects = this.#verifier ? 'footer' : 'end';
      }
      this.#sequenceNumber += 1;
      if (this.#pace.isDue(frame.length)) {
        await this.#verifyRead();
        await yieldToEventLoop();
      }
    }
    await this.#verifyRead();
    if (this.#expects === 'frame') return;
    if (this.#expects === 'footer' && !(await this.#readFooter(input, out))) return;
    if (input.length > 0) {
      throw new EncryptionSdkError('MESSAGE_MALFORMED', 'there are bytes behind the end of the message');
    }
  }

  #plaintextLength(input: Input): number {
    if (this.#expects !== 'frame') return 0;
    const { contentType, frameLength } = this.#header;
    return contentType === 'framed' ? plaintextLengthOf(input, frameLength) : input.length;
  }

  #nextFrame(input: Input): SealedFrame | undefined {
    const { contentType, frameLength } = this.#header;
    return contentType === 'framed'
      ? readFrame(input, frameLength, this.#sequenceNumber)
      : readNonFramedBody(input);
  }

  /** Frames mostly lie one behind the other: the verifier is called once for many. */
  #followsUnverified(raw: Uint8Array): boolean {
    const { buffer, byteOffset, length } = this.#unverified;
    if (raw.buffer !== buffer || raw.byteOffset !== byteOffset + length) return false;
    this.#unverified = new Uint8Array(buffer, byteOffset, length + raw.length);
    return true;
  }

  async #verifyRead(): Promise<void> {
    const unverified = this.#unverified;
    this.#unverified = NOTHING;
    if (this.#verifier) await feed(this.#verifier, unverified);
  }

  async #readFooter(input: Input, out: Output): Promise<boolean> {
    const read = this.#footerReader.read(input);
    if (read === undefined) return false;
    const curve = this.#header.suite.signature?.curve;
    const signature = curve && decodeEcdsaSignature(read.unit, COORDINATE_LENGTH[curve]);
    if (signature === undefined || !(await this.#verifier?.verify(signature))) {
      this.#held.fill(0);
      throw decryptionFailed();
    }
    out.reserve(this.#held.length).set(this.#held);
    this.#held.fill(0);
    this.#held = NOTHING;
    this.#expects = 'end';
    return true;
  }
}

/** Room for the plaintext of one call, taken when the first frame is there: a long frame comes in many calls. */
export class Output {
  #maxLength = 0;
  #bytes = NOTHING;
  #length = 0;

  /** Says before anything is reserved how much that will be at most. */
  expect(maxLength: number): void {
    this.#maxLength = maxLength;
  }

  reserve(length: number): Uint8Array {
    if (this.#bytes.length === 0 && length > 0) this.#bytes = new Uint8Array(this.#maxLength);
    this.#length += length;
    return this.#bytes.subarray(this.#length - length, this.#length);
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  wipe(): void {
    this.#bytes.fill(0);
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
