import type { KeyObject } from 'node:crypto';
import type { BodyFormat } from '../decrypt-body.ts';
import type { EncryptionSdkErrorCode } from '../errors.ts';

/**
 * Consecutive regular frames for a thread to seal or to open. Their memory is transferred, and comes back with the
 * reply.
 */
export interface FrameBatch {
  readonly kind: 'seal' | 'open';
  /** The content key of the message: threads share it, and its bytes are never copied. */
  readonly key: KeyObject;
  readonly format: BodyFormat;
  /** Sequence number of the first frame. */
  readonly sequenceNumber: number;
  /** Plaintext to seal, or frames to open. Whole frames only. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The result of a batch: frames, or plaintext. */
export interface FrameBatchResult {
  readonly result: Uint8Array<ArrayBuffer>;
  /** The memory of the batch. Plaintext in it was zeroed. */
  readonly spent: Uint8Array<ArrayBuffer>;
}

/** The message that a thread sends back. */
export type FrameBatchReply = FrameBatchResult | { readonly failure: FrameBatchFailure };

/** The fields of an `EncryptionSdkError`, which would arrive as a plain error. */
interface FrameBatchFailure {
  readonly code: EncryptionSdkErrorCode;
  readonly message: string;
}

/** The fields of a header that threads need, in a copy that no other code can write to. */
export function formatOfBatches({ suite, messageId, contentType, frameLength }: BodyFormat): BodyFormat {
  return { suite, messageId: messageId.slice(), contentType, frameLength };
}

/**
 * True for frames that are worth sending to another thread: sealing long ones takes little longer than a transfer.
 * Never where the content key is the data key.
 */
export function isWorthThreads({ suite, contentType, frameLength }: BodyFormat): boolean {
  const isDerived = suite.derivation.kind !== 'identity';
  return isDerived && contentType === 'framed' && frameLength <= MAX_FRAME_LENGTH;
}

/** Frames in a batch. */
export function framesPerBatch({ frameLength }: BodyFormat): number {
  return Math.min(MAX_FRAMES, Math.max(1, Math.floor(BATCH_LENGTH / frameLength)));
}

/** Long enough that the transfer to a thread and back costs little, short enough to fit in the processor's cache. */
const BATCH_LENGTH = 2 ** 18;
const MAX_FRAMES = 256;
const MAX_FRAME_LENGTH = 2 ** 17;
