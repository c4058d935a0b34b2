import type { AesKey, Token } from '@holdfast/pkcs11';
import type { IvSource } from '../config/config.ts';
import { untilAborted } from '../deadline.ts';
import { tokenException } from './failures.ts';
import type { DeviceCallOptions, DeviceKey, KeyDevice, Sealed } from './key-device.ts';

/**
 * A PKCS#11 token as a key device; every failure of the token becomes the answer KMS understands.
 *
 * @param ivSource who finds the initialization vectors
 */
export function pkcs11Device(name: string, token: Token, ivSource: IvSource): KeyDevice {
  const newIv = (options?: DeviceCallOptions) => token.randomBytes(IV_BYTES, options);
  const seal = SEALS[ivSource];
  return {
    name,
    key: (selector, options) =>
      answered(async () => deviceKey(token.key(selector, options), (...input) => seal(newIv, ...input))),
    ping: (options) =>
      answered(async () => {
        await newIv(options);
      }, options),
  };
}

function deviceKey(
  key: AesKey,
  seal: (key: AesKey, input: EncryptInput, options?: DeviceCallOptions) => Promise<Sealed>,
): DeviceKey {
  return {
    usages: key.usages,
    encrypt: (input, options) => answered(() => seal(key, input, options), options),
    decrypt: (input, options) => answered(() => key.decrypt(input, options), options),
  };
}

async function answered<T>(work: () => Promise<T>, options: DeviceCallOptions = {}): Promise<T> {
  try {
    return await untilAborted(work(), options.signal);
  } catch (error) {
    throw tokenException(error);
  }
}

type EncryptInput = Parameters<DeviceKey['encrypt']>[0];

const SEALS = {
  async supplied(newIv, key, { aad, plaintext }, options) {
    const iv = await newIv(options);
    return { iv, ...(await key.encrypt({ iv, aad, plaintext }, options)) };
  },
  written: (_newIv, key, input, options) =>
    key.encryptUnderTokenIv({ ...input, ivPlacement: 'written' }, options),
  appended: (_newIv, key, input, options) =>
    key.encryptUnderTokenIv({ ...input, ivPlacement: 'appended' }, options),
} as const satisfies Record<
  IvSource,
  (
    newIv: (options?: DeviceCallOptions) => Promise<Uint8Array>,
    key: AesKey,
    input: EncryptInput,
    options?: DeviceCallOptions,
  ) => Promise<Sealed>
>;

const IV_BYTES = 12;
