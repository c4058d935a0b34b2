import { type PinGuardMemory, Pkcs11Error, type Pkcs11ErrorCode, type ReturnValue } from '@holdfast/pkcs11';
import type { IvSource } from '../../config/config.ts';
import { timedOut } from '../../deadline.ts';
import { XksException } from '../../errors.ts';
import type {
  CheckedEncryptInput,
  CheckedSealed,
  DecryptInput,
  EncryptInput,
  KeyUsage,
  Sealed,
} from '../key-device.ts';
import type { DeviceKeySelector } from '../key-selector.ts';

/** What a thread is told first: which token it is for. */
export interface ThreadSettings {
  readonly name: string;
  readonly module: string;
  /** See `memory` of `openModule`. */
  readonly memory: SharedArrayBuffer;
  readonly selector: { readonly label: string } | { readonly serial: string };
  readonly pin: string;
  /** See `pinGuard` of `openToken`: the turn is of one opening, the refusal of all in the process who offer the PIN. */
  readonly pinGuard: PinGuardMemory;
  readonly iv: IvSource;
}

/** One call to the token. A plaintext is handed over, not copied: nobody but the receiver has it afterwards. */
export type ThreadCall =
  | { readonly kind: 'open'; readonly settings: ThreadSettings }
  | { readonly kind: 'ping' }
  | { readonly kind: 'usages'; readonly selector: DeviceKeySelector; readonly fresh: boolean }
  | ({ readonly kind: 'encrypt'; readonly input: EncryptInput } & Timed)
  | ({ readonly kind: 'encryptChecked'; readonly input: CheckedEncryptInput } & Timed)
  | ({ readonly kind: 'decrypt'; readonly input: DecryptInput } & Timed)
  | { readonly kind: 'close' };

/** What the caller does not wait for any longer, the token is not asked for. */
interface Timed {
  /** The end of its time, see `processTimeMs`; undefined if there is none. */
  readonly endsAtMs: number | undefined;
}

/** What came of a call: one of these, or none for a call without a result. */
export interface ThreadAnswer {
  readonly usages?: readonly KeyUsage[];
  readonly sealed?: Sealed;
  readonly checked?: CheckedSealed;
  readonly plaintext?: Uint8Array<ArrayBuffer>;
  readonly failure?: ThreadFailure;
}

/** A Pkcs11Error, without what cannot be sent; or that there was no time left. */
export interface ThreadFailure {
  readonly code: Pkcs11ErrorCode | 'TIMED_OUT';
  readonly message: string;
  readonly returnValue?: ReturnValue | undefined;
}

/** Milliseconds on a clock that all threads of the process have in common, and that is never set. */
export function processTimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** What of a failure can be sent. */
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

/** The error that a failure was before it was sent. */
export function errorOf({ code, message, returnValue }: ThreadFailure): Pkcs11Error | XksException {
  if (code === 'TIMED_OUT') return timedOut();
  return new Pkcs11Error(code, message, returnValue === undefined ? {} : { returnValue });
}

const TIMED_OUT = 'DependencyTimeoutException';
