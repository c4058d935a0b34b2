import { concat, utf8, writeUint32 } from '../bytes.ts';
import { EncryptionSdkError } from '../errors.ts';
import type { Input } from './input.ts';

/** One sealed piece of a message: a frame, or the whole of a non-framed body. Views into the input. */
export interface SealedFrame {
  readonly kind: FrameKind;
  readonly sequenceNumber: number;
  readonly iv: Uint8Array;
  /** Ciphertext and tag. */
  readonly sealed: Uint8Array;
  /** Bytes in all. */
  readonly length: number;
}

/** Regular frames are full, the final one may be shorter; a non-framed body is a single block. */
export type FrameKind = keyof typeof LABELS;

/** Bytes that a frame takes besides its content. */
export const FRAME_OVERHEAD = { regular: 4 + 12 + 16, final: 4 + 4 + 12 + 4 + 16 } as const;

/** Largest frame length, and largest sequence number. */
export const MAX_UINT32 = 0xffff_ffff;

/** Bytes of a GCM tag. */
export const TAG_LENGTH = 16;

/**
 * The frame that must come next, or `undefined` if it is not all there yet. Views into the input, which is not used up.
 *
 * @throws EncryptionSdkError `MESSAGE_MALFORMED` for a wrong sequence number or a final frame longer than the rest, as
 *   soon as the field is there
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/data-format/message-body.md
 */
export function readFrame(
  input: Input,
  frameLength: number,
  expectedSequenceNumber: number,
): SealedFrame | undefined {
  if (input.length < 4) return undefined;
  // The largest sequence number is also the mark of a final frame; as such it is always read.
  const isFinal = input.uint32(0) === FINAL_FRAME_MARK;
  const ivOffset = isFinal ? 8 : 4;
  if (input.length < ivOffset) return undefined;
  const sequenceNumber = input.uint32(ivOffset - 4);
  if (sequenceNumber !== expectedSequenceNumber) throw malformed('a frame is out of sequence');
  const contentOffset = ivOffset + IV_LENGTH + (isFinal ? 4 : 0);
  if (input.length < contentOffset) return undefined;
  const length = isFinal ? input.uint32(contentOffset - 4) : frameLength;
  if (length > frameLength) throw malformed('the final frame is longer than the frame length');
  return sealedFrame(input, isFinal ? 'final' : 'regular', sequenceNumber, ivOffset, contentOffset, length);
}

/** Bytes of plaintext in the frames that are all there. What the frames say is not checked. */
export function plaintextLengthOf(input: Input, frameLength: number): number {
  const regularLength = frameLength + FRAME_OVERHEAD.regular;
  let length = 0;
  for (let offset = 0; offset + 4 <= input.length; offset += regularLength) {
    if (input.uint32(offset) === FINAL_FRAME_MARK) {
      const fieldOffset = offset + 8 + IV_LENGTH;
      const isThere = fieldOffset + 4 <= input.length;
      return isThere ? length + Math.min(input.uint32(fieldOffset), frameLength, input.length) : length;
    }
    if (offset + regularLength > input.length) break;
    length += frameLength;
  }
  return length;
}

/**
 * The body of a non-framed message, or `undefined` if it is not all there yet. Views into the input, which is not used
 * up.
 *
 * @throws EncryptionSdkError `MESSAGE_MALFORMED` for a length that GCM does not allow
 */
export function readNonFramedBody(input: Input): SealedFrame | undefined {
  const contentOffset = IV_LENGTH + 8;
  if (input.length < contentOffset) return undefined;
  const length = input.uint32(IV_LENGTH) * 2 ** 32 + input.uint32(IV_LENGTH + 4);
  if (length > MAX_NON_FRAMED_LENGTH) throw malformed('the content is longer than AES-GCM allows');
  return sealedFrame(input, 'block', 1, 0, contentOffset, length);
}

/**
 * Writes the fields of a frame before its content to `out` at `offset`.
 * Answers the offset behind them, which is where ciphertext and tag go.
 */
export function writeFrameHead(
  out: Uint8Array,
  offset: number,
  kind: 'regular' | 'final',
  sequenceNumber: number,
  iv: Uint8Array,
  length: number,
): number {
  let end = offset;
  if (kind === 'final') end = writeUint32(out, end, FINAL_FRAME_MARK);
  end = writeUint32(out, end, sequenceNumber);
  out.set(iv, end);
  end += IV_LENGTH;
  return kind === 'final' ? writeUint32(out, end, length) : end;
}

/** The additional data and the IV of a message's frames. One frame at a time: both arrays are written again. */
export class FrameBinding {
  readonly #messageId: Uint8Array;
  #kind: FrameKind | undefined;
  #aad: Uint8Array = NOTHING;
  readonly #iv = new Uint8Array(IV_LENGTH);

  constructor(messageId: Uint8Array) {
    this.#messageId = messageId;
  }

  /** Message id ‖ label ‖ sequence number ‖ content length (message-body-aad.md). */
  aad(kind: FrameKind, sequenceNumber: number, length: number): Uint8Array {
    // All regular frames come first: the label hardly ever changes.
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#aad = concat([this.#messageId, LABELS[kind], ZERO_TAIL]);
    }
    const tail = this.#aad.length - AAD_TAIL_LENGTH;
    writeUint32(this.#aad, tail, sequenceNumber);
    writeUint32(this.#aad, tail + 4, Math.floor(length / 2 ** 32));
    writeUint32(this.#aad, tail + 8, length);
    return this.#aad;
  }

  /** The sequence number, left-padded to 12 bytes. */
  iv(sequenceNumber: number): Uint8Array {
    writeUint32(this.#iv, IV_LENGTH - 4, sequenceNumber);
    return this.#iv;
  }
}

function sealedFrame(
  input: Input,
  kind: FrameKind,
  sequenceNumber: number,
  ivOffset: number,
  contentOffset: number,
  length: number,
): SealedFrame | undefined {
  const end = contentOffset + length + TAG_LENGTH;
  if (input.length < end) return undefined;
  const frame = input.peek(0, end);
  const iv = frame.subarray(ivOffset, ivOffset + IV_LENGTH);
  return { kind, sequenceNumber, iv, sealed: frame.subarray(contentOffset), length: end };
}

function malformed(reason: string): EncryptionSdkError {
  return new EncryptionSdkError('MESSAGE_MALFORMED', `malformed message body: ${reason}`);
}

const IV_LENGTH = 12;
/** Sequence number and content length. */
const AAD_TAIL_LENGTH = 4 + 8;
const ZERO_TAIL = new Uint8Array(AAD_TAIL_LENGTH);
const NOTHING: Uint8Array = new Uint8Array(0);
const FINAL_FRAME_MARK = 0xffff_ffff;
const MAX_NON_FRAMED_LENGTH = 2 ** 36 - 32;
const LABELS = {
  regular: utf8('AWSKMSEncryptionClient Frame'),
  final: utf8('AWSKMSEncryptionClient Final Frame'),
  block: utf8('AWSKMSEncryptionClient Single Block'),
} as const;
