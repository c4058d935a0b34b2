import type { AesKey, Token } from '@holdfast/pkcs11';
import type { IvSource } from '../config/config.ts';
import { inTime } from '../deadline.ts';
import { tokenException } from './failures.ts';
import type { DeviceCallOptions, DeviceKey, KeyDevice, Sealed } from './key-device.ts';
import { type LateCalls, lateCalls } from './late-calls.ts';

/**
 * A PKCS#11 token as a key device; every failure of the token becomes the answer KMS understands.
 *
 * @param ivSource who finds the initialization vectors
 * @param late where calls are counted that do not return in time
 */
export function pkcs11Device(
  name: string,
  token: Token,
  ivSource: IvSource,
  late: LateCalls = lateCalls(),
): KeyDevice {
  /** The outcome of a call, as it can be answered; without it once the deadline is reached, since the call may hang. */
  const answered = async <T>(work: Promise<T>, { deadline }: DeviceCallOptions = {}): Promise<T> => {
    try {
      return await inTime(work, deadline);
    } catch (error) {
      late.add(work);
      // What comes too late nobody will ever see.
      work.then(
        (result) => result instanceof Uint8Array && result.fill(0),
        () => undefined,
      );
      throw tokenException(error);
    }
  };
  const newIv: NewIv = (options) => token.randomBytes(IV_BYTES, options);
  const seal = SEALS[ivSource];
  const deviceKey = (key: AesKey): DeviceKey => ({
    usages: key.usages,
    encrypt: (input, options) => answered(seal(newIv, key, input, waiting(options)), options),
    decrypt: (input, options) => answered(key.decrypt(input, waiting(options)), options),
  });
  return {
    name,
    async key(selector, { fresh = false } = {}) {
      try {
        return deviceKey(token.key(selector, { fresh }));
      } catch (error) {
        throw tokenException(error);
      }
    },
    async ping(options) {
      await answered(newIv(waiting(options)), options);
    },
  };
}

/** Until when a call waits for a session. */
function waiting({ deadline }: DeviceCallOptions = {}): Waiting {
  return { signal: deadline?.signal };
}

type Waiting = { readonly signal: AbortSignal | undefined };
type NewIv = (options: Waiting) => Promise<Uint8Array>;
type EncryptInput = Parameters<DeviceKey['encrypt']>[0];

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
  (newIv: NewIv, key: AesKey, input: EncryptInput, options: Waiting) => Promise<Sealed>
>;

const IV_BYTES = 12;
