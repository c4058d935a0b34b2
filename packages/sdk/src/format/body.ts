import { concat, NOTHING, utf8, writeUint32 } from '../bytes.ts';
import { malformed } from '../errors.ts';
import type { Input } from './input.ts';

/** The fields before the sealed content of a frame, or of a non-framed body, which is one block. */
export interface FrameHead {
  readonly kind: FrameKind;
  /** Offset of the IV. */
  readonly ivOffset: number;
  /** Bytes before the content. */
  readonly headLength: number;
  /** Bytes of content, which the tag follows. */
  readonly contentLength: number;
}

/** Regular frames are full, the final one may be shorter; a non-framed body is a single block. */
export type FrameKind = keyof typeof LABELS;

/** Bytes that a frame takes besides its content. */
export const FRAME_OVERHEAD = { regular: 4 + 12 + 16, final: 4 + 4 + 12 + 4 + 16 } as const;

/** Largest frame length, and largest sequence number. */
export const MAX_UINT32 = 0xffff_ffff;

/** Bytes of an IV. */
export const IV_LENGTH = 12;

/** Bytes of a GCM tag. */
export const TAG_LENGTH = 16;

/**
 * Reads the head of the next frame, without consuming it; returns `undefined` if it has not fully arrived.
 *
 * @throws EncryptionSdkError `MESSAGE_MALFORMED` for a wrong sequence number, or a final frame longer than regular
 *   ones, as soon as the field has arrived
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/data-format/message-body.md
 */
export function readFrameHead(
  input: Input,
  frameLength: number,
  sequenceNumber: number,
): FrameHead | undefined {
  if (input.length < 4) return undefined;
  // The largest sequence number is also the mark of a final frame, and always read as that mark.
  const isFinal = input.uint32(0) === FINAL_FRAME_MARK;
  const ivOffset = isFinal ? 8 : 4;
  if (input.length < ivOffset) return undefined;
  if (input.uint32(ivOffset - 4) !== sequenceNumber) throw malformed('a frame is out of sequence');
  const headLength = ivOffset + IV_LENGTH + (isFinal ? 4 : 0);
  if (input.length < headLength) return undefined;
  const contentLength = isFinal ? input.uint32(headLength - 4) : frameLength;
  if (contentLength > frameLength) throw malformed('the final frame is too long');
  return { kind: isFinal ? 'final' : 'regular', ivOffset, headLength, contentLength };
}

/** True if a final frame begins at `offset`, where there are at least four bytes. */
export function isFinalFrame(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 4; i++) if (bytes[offset + i] !== 0xff) return false;
  return true;
}

/**
 * Bytes of plaintext in the frames that have fully arrived, if they are well-formed. Looks for the mark of the final
 * frame only where that frame is expected, so that the cost does not depend on the number of frames.
 */
export function plaintextLengthOf(input: Input, frameLength: number): number {
  const regularLength = frameLength + FRAME_OVERHEAD.regular;
  const most = Math.floor(input.length / regularLength);
  for (let count = most; count >= Math.max(0, most - MAX_FRAMES_BEHIND); count--) {
    const offset = count * regularLength;
    const fieldOffset = offset + 8 + IV_LENGTH;
    if (fieldOffset + 4 > input.length || input.uint32(offset) !== FINAL_FRAME_MARK) continue;
    return count * frameLength + Math.min(input.uint32(fieldOffset), frameLength, input.length);
  }
  return most * frameLength;
}

/**
 * Reads the head of a non-framed body, without consuming it; returns `undefined` if it has not fully arrived.
 *
 * @throws EncryptionSdkError `MESSAGE_MALFORMED` for a length that GCM does not allow
 */
export function readNonFramedHead(input: Input): FrameHead | undefined {
  const headLength = IV_LENGTH + 8;
  if (input.length < headLength) return undefined;
  const contentLength = input.uint32(IV_LENGTH) * 2 ** 32 + input.uint32(IV_LENGTH + 4);
  if (contentLength > MAX_NON_FRAMED_LENGTH) throw malformed('the content is too long');
  return { kind: 'block', ivOffset: 0, headLength, contentLength };
}

/**
 * Writes the fields of a frame before its content to `out` at `offset`. Returns the offset after them, where ciphertext
 * and tag go.
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

/** Writes the IV of a frame that this package seals: the sequence number, left-padded to 12 bytes. */
export function writeIv(iv: Uint8Array, sequenceNumber: number): void {
  writeUint32(iv, IV_LENGTH - 4, sequenceNumber);
}

/** The additional data of a message's frames, one frame at a time: every call overwrites the same array. */
export class FrameBinding {
  readonly #messageId: Uint8Array;
  #kind: FrameKind | undefined;
  #aad: Uint8Array = NOTHING;

  constructor(messageId: Uint8Array) {
    // A copy, because the application sees the array in the header.
    this.#messageId = messageId.slice();
  }

  /** Message id ‖ label ‖ sequence number ‖ content length (message-body-aad.md). */
  aad(kind: FrameKind, sequenceNumber: number, length: number): Uint8Array {
    // Regular frames come first, so the label hardly ever changes.
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
}

/** Most regular frames of the shortest length that fit in the rest of a message: a full final frame and a footer. */
const MAX_FRAMES_BEHIND = 5;
/** Sequence number and content length. */
const AAD_TAIL_LENGTH = 4 + 8;
const ZERO_TAIL = new Uint8Array(AAD_TAIL_LENGTH);
const FINAL_FRAME_MARK = 0xffff_ffff;
const MAX_NON_FRAMED_LENGTH = 2 ** 36 - 32;
const LABELS = {
  regular: utf8('AWSKMSEncryptionClient Frame'),
  final: utf8('AWSKMSEncryptionClient Final Frame'),
  block: utf8('AWSKMSEncryptionClient Single Block'),
} as const;
