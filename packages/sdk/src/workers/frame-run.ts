import type { KeyObject } from 'node:crypto';
import type { BodyFormat } from '../decrypt-body.ts';
import type { EncryptionSdkErrorCode } from '../errors.ts';

/** Regular frames in a row, for a thread to seal or to open. Their memory is handed over, and comes back with the answer. */
export interface FrameRun {
  readonly kind: 'seal' | 'open';
  /** The content key of the message: threads share it, and its bytes are never copied. */
  readonly key: KeyObject;
  readonly format: BodyFormat;
  /** Of the first of them. */
  readonly sequenceNumber: number;
  /** Plaintext to seal, or frames to open. Whole frames only. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What became of a run: frames, or plaintext. */
export interface FrameRunResult {
  readonly result: Uint8Array<ArrayBuffer>;
  /** The memory of the run. Plaintext in it was zeroed. */
  readonly spent: Uint8Array<ArrayBuffer>;
}

/** What a thread answers. */
export type FrameRunAnswer = FrameRunResult | { readonly failure: FrameRunFailure };

/** An `EncryptionSdkError`, which would arrive as an error like any other. */
interface FrameRunFailure {
  readonly code: EncryptionSdkErrorCode;
  readonly message: string;
}

/** What threads are told of a header, and nobody else gets to write to. */
export function formatOfRuns({ suite, messageId, contentType, frameLength }: BodyFormat): BodyFormat {
  return { suite, messageId: messageId.slice(), contentType, frameLength };
}

/**
 * True for frames that are worth the way to another thread: to seal long ones takes little longer than to hand them over.
 * Never where the content key is the data key.
 */
export function isWorthThreads({ suite, contentType, frameLength }: BodyFormat): boolean {
  const isDerived = suite.derivation.kind !== 'identity';
  return isDerived && contentType === 'framed' && frameLength <= MAX_FRAME_LENGTH;
}

/** Frames in a run. */
export function framesPerRun({ frameLength }: BodyFormat): number {
  return Math.min(MAX_FRAMES, Math.max(1, Math.floor(RUN_LENGTH / frameLength)));
}

/** Long enough that the way to a thread and back costs little, short enough to lie in the processor's cache. */
const RUN_LENGTH = 2 ** 18;
const MAX_FRAMES = 256;
const MAX_FRAME_LENGTH = 2 ** 17;
