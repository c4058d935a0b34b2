import { type AesKey, type CallOptions, Pkcs11Error, type Token } from '@holdfast/pkcs11';
import type { IvSource } from '../config/config.ts';
import { inTime } from '../deadline.ts';
import { encryptedAndChecked } from './checked-encryption.ts';
import { tokenException } from './failures.ts';
import type { DeviceCallOptions, EncryptInput, KeyDevice, KeyUsage, Sealed } from './key-device.ts';
import type { DeviceKeySelector } from './key-selector.ts';
import { type LateCalls, lateCalls } from './late-calls.ts';

/**
 * A PKCS#11 token as a key device; each failure of the token becomes the exception that KMS is answered with.
 *
 * @param ivSource who makes the initialization vectors
 * @param late counts the calls that do not return in time
 */
export function pkcs11Device(
  name: string,
  token: Token,
  ivSource: IvSource,
  late: LateCalls = lateCalls(),
): KeyDevice {
  /** Settles as a call, with an exception for KMS. It may hang: at the deadline this rejects without waiting for it. */
  const answered = async <T>(call: () => Promise<T>, { deadline }: DeviceCallOptions = {}): Promise<T> => {
    const work = call();
    try {
      return await inTime(work, deadline);
    } catch (error) {
      late.add(work);
      // No caller will see a result that comes too late.
      work.then(
        (result) => result instanceof Uint8Array && result.fill(0),
        () => undefined,
      );
      throw tokenException(error);
    }
  };
  const newIv: NewIv = (options) => token.randomBytes(IV_BYTES, options);
  const seal = SEALS[ivSource];
  const lookUp = (
    selector: DeviceKeySelector,
    { fresh = false, onTokenTime }: DeviceCallOptions & { readonly fresh?: boolean } = {},
  ): AesKey => {
    const startedAtMs = performance.now();
    try {
      return token.aesKey(selector, { fresh });
    } finally {
      onTokenTime?.(performance.now() - startedAtMs);
    }
  };
  /** Does work with a key that has all needed usages. */
  const withKey = <T>(
    selector: DeviceKeySelector,
    needed: readonly KeyUsage[],
    options: DeviceCallOptions | undefined,
    work: (key: AesKey, call: CallOptions) => Promise<T>,
  ): Promise<T> =>
    answered(async () => {
      const key = lookUp(selector, options);
      if (!needed.every((usage) => key.usages.includes(usage))) {
        throw new Pkcs11Error('KEY_USAGE_FORBIDDEN', `the key may ${key.usages.join(', ')} only`);
      }
      return work(key, callOptions(options));
    }, options);
  return {
    name,
    usages: (selector, options) => answered(async () => lookUp(selector, options).usages),
    encrypt: (input, options) =>
      withKey(input.selector, ['ENCRYPT'], options, (key, call) => seal(newIv, key, input, call)),
    encryptChecked: (input, options) =>
      withKey(input.selector, ['ENCRYPT', 'DECRYPT'], options, (key, call) =>
        encryptedAndChecked(
          {
            seal: () => seal(newIv, key, input, call),
            async open(sealed) {
              // The caller does not wait for it any more.
              options?.deadline?.throwIfReached();
              return key.decrypt({ aad: input.aad, ...sealed }, call);
            },
          },
          input,
        ),
      ),
    decrypt: (input, options) =>
      withKey(input.selector, ['DECRYPT'], options, (key, call) => key.decrypt(input, call)),
    ping: (options) => answered(async () => void (await newIv(callOptions(options))), options),
  };
}

/** How long a call waits for a session, and who is told how long it took. */
function callOptions({ deadline, onTokenTime }: DeviceCallOptions = {}): CallOptions {
  return { signal: deadline?.signal, onReturn: onTokenTime };
}

type NewIv = (options: CallOptions) => Promise<Uint8Array>;

const SEALS = {
  async supplied(newIv, key, { aad, plaintext }, options) {
    const iv = await newIv(options);
    const { ciphertext, tag } = await key.encrypt({ iv, aad, plaintext }, options);
    return { iv, ciphertext, tag };
  },
  written: (_newIv, key, { aad, plaintext }, options) =>
    key.encryptUnderTokenIv({ aad, plaintext, ivPlacement: 'written' }, options),
  appended: (_newIv, key, { aad, plaintext }, options) =>
    key.encryptUnderTokenIv({ aad, plaintext, ivPlacement: 'appended' }, options),
} as const satisfies Record<
  IvSource,
  (newIv: NewIv, key: AesKey, input: EncryptInput, options: CallOptions) => Promise<Sealed>
>;

const IV_BYTES = 12;
