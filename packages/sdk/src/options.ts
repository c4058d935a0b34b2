import { isBytes } from './bytes.ts';
import { decryptionManager, type MaterialsSource, materialsManager } from './cmm/source.ts';
import {
  assertCommitmentPolicy,
  assertMayEncrypt,
  type CommitmentPolicy,
  knownSuite,
} from './commitment-policy.ts';
import { assertNoReservedKeys, copyContext, EMPTY_CONTEXT, type EncryptionContext } from './context.ts';
import type { DecryptionOptions } from './decrypt.ts';
import type { EncryptionOptions } from './encrypt.ts';
import { MAX_UINT32 } from './format/body.ts';
import type { AlgorithmSuiteId } from './suites.ts';

/** Options of `encryptionClient` and `decryptionClient`. */
export interface ClientOptions {
  /** Default `REQUIRE_ENCRYPT_REQUIRE_DECRYPT`. */
  readonly commitmentPolicy?: CommitmentPolicy;
  /**
   * Most encrypted data keys a message may have, for encrypt and for decrypt: each one may cost a call to a
   * key service. Default 64; `Infinity` switches the limit off.
   */
  readonly maxEncryptedDataKeys?: number;
}

/** The options of a client, with the defaults. */
export type ClientPolicy = Required<ClientOptions>;

/** How to write a message. */
export type EncryptOptions = MaterialsSource & {
  /** Pairs to authenticate with the message; they are stored in it, readable by anyone. Default none. */
  readonly encryptionContext?: EncryptionContext;
  /** Default: the best suite that the commitment policy allows. */
  readonly suite?: AlgorithmSuiteId;
  /**
   * Bytes of plaintext in a frame, 1 to 2^32 - 1. Default 4096. `auto` chooses by the length of the plaintext: longer
   * frames make long messages faster to write and to read, and take as much memory as they are long.
   */
  readonly frameLength?: number | 'auto';
  /**
   * Checked before materials are asked for, and ends the wait for those that a caching CMM loads. Keyrings do not get
   * it: without a cache it does not end a call that hangs.
   */
  readonly signal?: AbortSignal;
};

/** How to read a message. */
export type DecryptOptions = MaterialsSource & {
  /** Pairs that the message must have been authenticated with, whether it stores them or not. Default none. */
  readonly encryptionContext?: EncryptionContext;
  /** As for encryption. */
  readonly signal?: AbortSignal;
  /**
   * Also read messages of the AWS Encryption SDK for .NET 4.0.0, whose headers are not what the specification
   * says. Nothing is left unauthenticated. Default false.
   */
  readonly acceptDotNet400Messages?: boolean;
};

/**
 * Checked options, with the defaults.
 *
 * @throws TypeError for an unknown policy
 * @throws RangeError unless the limit is an integer from 1 to 65535, or `Infinity`
 */
export function parseClientOptions({
  commitmentPolicy = 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
  maxEncryptedDataKeys = 64,
}: ClientOptions): ClientPolicy {
  assertCommitmentPolicy(commitmentPolicy);
  if (maxEncryptedDataKeys !== Infinity && !isIntegerBetween(maxEncryptedDataKeys, 1, 0xffff)) {
    throw new RangeError('maxEncryptedDataKeys: expected an integer from 1 to 65535, or Infinity');
  }
  return { commitmentPolicy, maxEncryptedDataKeys };
}

/**
 * Checked and copied options, for a plaintext of at most `maxLength` bytes if that is known.
 *
 * @throws TypeError or RangeError for wrong values
 * @throws EncryptionSdkError `COMMITMENT_POLICY_VIOLATED` or `ENCRYPTION_CONTEXT_INVALID`
 */
export function parseEncryptOptions(
  policy: ClientPolicy,
  options: EncryptOptions,
  maxLength: number | undefined,
): EncryptionOptions {
  const cmm = materialsManager(options);
  const { frameLength = 4096, encryptionContext: pairs = EMPTY_CONTEXT } = options;
  if (frameLength !== 'auto' && !isIntegerBetween(frameLength, 1, MAX_UINT32)) {
    throw new RangeError('frameLength: expected an integer from 1 to 4294967295, or auto');
  }
  const encryptionContext = copyContext(pairs);
  assertNoReservedKeys(encryptionContext);
  const suite = options.suite === undefined ? undefined : knownSuite(options.suite);
  if (suite !== undefined) assertMayEncrypt(policy.commitmentPolicy, suite);
  const { commitmentPolicy, maxEncryptedDataKeys } = policy;
  return {
    commitmentPolicy,
    maxEncryptedDataKeys,
    cmm,
    encryptionContext,
    frameLength: frameLength === 'auto' ? autoFrameLength(maxLength ?? 0) : frameLength,
    suite,
    maxLength,
    signal: checkedSignal(options),
  };
}

/**
 * Checked and copied options.
 *
 * @throws TypeError for wrong values
 * @throws EncryptionSdkError `ENCRYPTION_CONTEXT_INVALID`
 */
export function parseDecryptOptions(policy: ClientPolicy, options: DecryptOptions): DecryptionOptions {
  const cmm = decryptionManager(options);
  const { encryptionContext = EMPTY_CONTEXT } = options;
  return {
    cmm,
    reproducedEncryptionContext: copyContext(encryptionContext),
    signal: options.signal,
    acceptDotNet400Messages: options.acceptDotNet400Messages === true,
    // Last: with other fields after it, a spread would take engines fifty times as long.
    ...policy,
  };
}

/** @throws TypeError for a signal that is none */
function checkedSignal({ signal }: EncryptOptions | DecryptOptions): AbortSignal | undefined {
  if (signal && typeof signal.throwIfAborted !== 'function') {
    throw new TypeError('signal: expected an AbortSignal');
  }
  return signal;
}

/** True for integers from `least` to `most`. */
export function isIntegerBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

/** @throws TypeError unless `value` is a Uint8Array whose memory no other thread can write to */
export function assertBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (isBytes(value)) return;
  throw new TypeError(`${name}: expected a Uint8Array whose memory is not shared`);
}

/** Frames long enough for the cost of starting one to vanish behind that of its bytes. */
function autoFrameLength(plaintextLength: number): number {
  if (plaintextLength < 2 ** 16) return 4096;
  return plaintextLength < 2 ** 24 ? 2 ** 16 : 2 ** 20;
}
