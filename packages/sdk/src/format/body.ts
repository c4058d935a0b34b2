import { concat, dataView, utf8 } from '../bytes.ts';
import { EncryptionSdkError } from '../errors.ts';
import { Cursor, type Parser } from './input.ts';

/** One sealed piece of a message: a frame, or the whole of a non-framed body. Views into the input. */
export interface SealedFrame {
  readonly kind: FrameKind;
  readonly sequenceNumber: number;
  readonly iv: Uint8Array;
  /** Ciphertext and tag. */
  readonly sealed: Uint8Array;
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
 * Reads the frame that must come next.
 *
 * Throws `EncryptionSdkError` `MESSAGE_MALFORMED` for a wrong sequence number or a final frame longer than the rest.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/data-format/message-body.md
 */
export function* readFrame(frameLength: number, expectedSequenceNumber: number): Parser<SealedFrame> {
  const cursor = new Cursor();
  const first = yield* cursor.number(4);
  // The largest sequence number is also the mark of a final frame; as such it is always read.
  const kind = first === FINAL_FRAME_MARK ? 'final' : 'regular';
  const sequenceNumber = kind === 'final' ? yield* cursor.number(4) : first;
  if (sequenceNumber !== expectedSequenceNumber) throw malformed('a frame is out of sequence');
  const ivOffset = cursor.offset;
  yield* cursor.bytes(IV_LENGTH);
  const length = kind === 'final' ? yield* cursor.number(4) : frameLength;
  if (length > frameLength) throw malformed('the final frame is longer than the frame length');
  return yield* sealedFrame(cursor, kind, sequenceNumber, ivOffset, length);
}

/**
 * Reads the body of a non-framed message.
 *
 * Throws `EncryptionSdkError` `MESSAGE_MALFORMED` for a length that GCM does not allow.
 */
export function* readNonFramedBody(): Parser<SealedFrame> {
  const cursor = new Cursor();
  yield* cursor.bytes(IV_LENGTH);
  const high = yield* cursor.number(4);
  const length = high * 2 ** 32 + (yield* cursor.number(4));
  if (length > MAX_NON_FRAMED_LENGTH) throw malformed('the content is longer than AES-GCM allows');
  return yield* sealedFrame(cursor, 'block', 1, 0, length);
}

/**
 * Writes the fields of a frame before its content to `out`.
 * Answers their length, which is where ciphertext and tag go.
 */
export function writeFrameHead(
  out: Uint8Array,
  kind: 'regular' | 'final',
  sequenceNumber: number,
  iv: Uint8Array,
  length: number,
): number {
  const view = dataView(out);
  if (kind === 'regular') {
    view.setUint32(0, sequenceNumber);
    out.set(iv, 4);
    return 4 + IV_LENGTH;
  }
  view.setUint32(0, FINAL_FRAME_MARK);
  view.setUint32(4, sequenceNumber);
  out.set(iv, 8);
  view.setUint32(8 + IV_LENGTH, length);
  return 12 + IV_LENGTH;
}

/** The additional data and the IV of a message's frames. One frame at a time: both arrays are written again. */
export class FrameBinding {
  readonly #messageId: Uint8Array;
  #kind: FrameKind | undefined;
  #aad: Uint8Array = new Uint8Array(0);
  #aadTail = dataView(this.#aad);
  readonly #iv = new Uint8Array(IV_LENGTH);
  readonly #ivView = dataView(this.#iv);

  constructor(messageId: Uint8Array) {
    this.#messageId = messageId;
  }

  /** Message id ‖ label ‖ sequence number ‖ content length (message-body-aad.md). */
  aad(kind: FrameKind, sequenceNumber: number, length: number): Uint8Array {
    // All regular frames come first: the label hardly ever changes.
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#aad = concat([this.#messageId, LABELS[kind], new Uint8Array(AAD_TAIL_LENGTH)]);
      this.#aadTail = dataView(this.#aad.subarray(-AAD_TAIL_LENGTH));
    }
    this.#aadTail.setUint32(0, sequenceNumber);
    this.#aadTail.setUint32(4, Math.floor(length / 2 ** 32));
    this.#aadTail.setUint32(8, length % 2 ** 32);
    return this.#aad;
  }

  /** The sequence number, left-padded to 12 bytes. */
  iv(sequenceNumber: number): Uint8Array {
    this.#ivView.setUint32(IV_LENGTH - 4, sequenceNumber);
    return this.#iv;
  }
}

function* sealedFrame(
  cursor: Cursor,
  kind: FrameKind,
  sequenceNumber: number,
  ivOffset: number,
  length: number,
): Parser<SealedFrame> {
  const contentOffset = cursor.offset;
  yield* cursor.bytes(length + TAG_LENGTH);
  const raw = cursor.read;
  const iv = raw.subarray(ivOffset, ivOffset + IV_LENGTH);
  return { unit: { kind, sequenceNumber, iv, sealed: raw.subarray(contentOffset) }, length: cursor.offset };
}

function malformed(reason: string): EncryptionSdkError {
  return new EncryptionSdkError('MESSAGE_MALFORMED', `malformed message body: ${reason}`);
}

const IV_LENGTH = 12;
/** Sequence number and content length. */
const AAD_TAIL_LENGTH = 4 + 8;
const FINAL_FRAME_MARK = 0xffff_ffff;
const MAX_NON_FRAMED_LENGTH = 2 ** 36 - 32;
const LABELS = {
  regular: utf8('AWSKMSEncryptionClient Frame'),
  final: utf8('AWSKMSEncryptionClient Final Frame'),
  block: utf8('AWSKMSEncryptionClient Single Block'),
} as const;
