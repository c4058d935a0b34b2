import { type PinGuardMemory, Pkcs11Error, type Pkcs11ErrorCode, type ReturnValue } from '@holdfast/pkcs11';
import type { IvSource } from '../../config/config.ts';
import { timedOut } from '../../deadline.ts';
import { XksException } from '../../xks-exception.ts';
import type {
  CheckedEncryptInput,
  CheckedSealed,
  DecryptInput,
  EncryptInput,
  KeyUsage,
  Sealed,
} from '../key-device.ts';
import type { DeviceKeySelector } from '../key-selector.ts';

/** The first message to a thread: the token that it is for. */
export interface ThreadSettings {
  readonly name: string;
  readonly module: string;
  /** See `memory` of `openModule`. */
  readonly memory: SharedArrayBuffer;
  readonly selector: { readonly label: string } | { readonly serial: string };
  readonly pin: string;
  /** See `pinGuard` of `openToken`: the turn belongs to one opening, the refusal to all in the process that offer the PIN. */
  readonly pinGuard: PinGuardMemory;
  readonly iv: IvSource;
}

/** One call to the token. A plaintext is transferred, not copied: only the receiver has it afterwards. */
export type ThreadCall =
  | { readonly kind: 'open'; readonly settings: ThreadSettings }
  | { readonly kind: 'ping' }
  | { readonly kind: 'usages'; readonly selector: DeviceKeySelector; readonly fresh: boolean }
  | ({ readonly kind: 'encrypt'; readonly input: EncryptInput } & Timed)
  | ({ readonly kind: 'encryptChecked'; readonly input: CheckedEncryptInput } & Timed)
  | ({ readonly kind: 'decrypt'; readonly input: DecryptInput } & Timed)
  | { readonly kind: 'close' };

/** A call that is not made any more once the caller does not wait for it. */
interface Timed {
  /** The end of its time, see `processTimeMs`; undefined if there is none. */
  readonly endsAtMs: number | undefined;
}

/** The outcome of a call: one of these, or none for a call without a result. */
export interface ThreadAnswer {
  readonly usages?: readonly KeyUsage[];
  readonly sealed?: Sealed;
  readonly checked?: CheckedSealed;
  readonly plaintext?: Uint8Array<ArrayBuffer>;
  readonly failure?: ThreadFailure;
}

/** The fields of a Pkcs11Error that can be sent, or `TIMED_OUT` if there was no time left. */
export interface ThreadFailure {
  readonly code: Pkcs11ErrorCode | 'TIMED_OUT';
  readonly message: string;
  readonly returnValue?: ReturnValue | undefined;
}

/** Milliseconds on a clock that all threads of the process share, and that is never set. */
export function processTimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** The part of an error that can be sent. */
export function failureOf(error: unknown): ThreadFailure {
  if (error instanceof XksException && error.errorName === TIMED_OUT) {
    return { code: 'TIMED_OUT', message: error.message };
  }
  const cause = error instanceof XksException ? error.cause : error;
  if (cause instanceof Pkcs11Error) {
    const { code, message, returnValue } = cause;
    return { code, message, returnValue };
  }
  return { code: 'DEVICE_ERROR', message: cause instanceof Error ? cause.name : 'unknown error' };
}

/** The error that a failure was made of. */
export function errorOf({ code, message, returnValue }: ThreadFailure): Pkcs11Error | XksException {
  if (code === 'TIMED_OUT') return timedOut();
  return new Pkcs11Error(code, message, returnValue === undefined ? {} : { returnValue });
}

const TIMED_OUT = 'DependencyTimeoutException';
