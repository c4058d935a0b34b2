import type { Clock } from '../clock.ts';
import type { KmsKey } from './kms-key.ts';

/** What a key was last used for, with success. */
interface LastUse {
  readonly operation: TrackedOperation;
  readonly at: Date;
  /** The `eventID` of its audit event. */
  readonly eventId: string;
  readonly requestId: string;
}

/** An operation that counts as the use of a key. */
export type TrackedOperation = (typeof TRACKED_OPERATIONS)[number];

/** When the keys of one Region were last used. It is not stored: every process begins anew. */
export interface LastUses {
  /** Since when uses are recorded. */
  readonly trackedSince: Date;
  /** undefined for a key that was not used since. */
  ofKey(keyId: string): LastUse | undefined;
  record(keyId: string, use: LastUse): void;
  delete(keyId: string): void;
}

/** From when on the uses of a key are known: since it was made, or since uses are recorded at all. */
export function trackedFrom({ trackedSince }: LastUses, { createdAt }: KmsKey): Date {
  return createdAt > trackedSince ? createdAt : trackedSince;
}

/** No use yet. */
export function createLastUses(clock: Clock): LastUses {
  const byKey = new Map<string, LastUse>();
  return {
    trackedSince: clock.now(),
    ofKey: (keyId) => byKey.get(keyId),
    record: (keyId, use) => void byKey.set(keyId, use),
    delete: (keyId) => void byKey.delete(keyId),
  };
}

/** Narrows the name of an operation. */
export function isTracked(operation: string): operation is TrackedOperation {
  const tracked: readonly string[] = TRACKED_OPERATIONS;
  return tracked.includes(operation);
}

/** The `KeyLastUsageTrackingOperation` of the API. */
const TRACKED_OPERATIONS = [
  'Decapsulate',
  'Decrypt',
  'DeriveSharedSecret',
  'Encapsulate',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'ReEncrypt',
  'Sign',
  'Verify',
  'VerifyMac',
] as const;
