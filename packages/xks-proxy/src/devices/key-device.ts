import type { Deadline } from '../deadline.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/**
 * A place of AES-256 keys whose bytes never leave it: a token, or several that hold the same keys. All methods reject with
 * an `XksException` that KMS can be answered with: `KeyNotFoundException` for a key that is not there, and
 * `InvalidKeyUsageException` for a key that may not be used in this way.
 */
export interface KeyDevice {
  /** Its name in the configuration. */
  readonly name: string;
  /** The usages of a key; with `fresh` the device is asked, and no cached record is used. */
  usages(
    selector: DeviceKeySelector,
    options?: DeviceCallOptions & { readonly fresh?: boolean },
  ): Promise<readonly KeyUsage[]>;
  /** Seals under an initialization vector that the device or the proxy chooses, never used before. */
  encrypt(input: EncryptInput, options?: DeviceCallOptions): Promise<Sealed>;
  /** As `encrypt`, and opens the ciphertext to check it: in one call, since each call has a cost. */
  encryptChecked(input: CheckedEncryptInput, options?: DeviceCallOptions): Promise<CheckedSealed>;
  /** Opens a ciphertext. Rejects with `InvalidCiphertextException` if anything in it was changed. */
  decrypt(input: DecryptInput, options?: DeviceCallOptions): Promise<Uint8Array>;
  /** Asks the device for something that needs no key. */
  ping(options?: DeviceCallOptions): Promise<void>;
}

/** The calls that a device takes. */
export type DeviceCall = 'FindKey' | 'Encrypt' | 'EncryptChecked' | 'Decrypt' | 'Ping';

/** The description that a token has of itself. */
export interface DeviceInfo {
  /** Unique among the devices of a fleet. */
  readonly serial: string;
  /** Product and version. */
  readonly model: string;
  readonly manufacturer: string;
}

/** Options of a call. It is given up when its deadline is reached, and not made if it still waits for the device then. */
export interface DeviceCallOptions {
  readonly deadline?: Deadline;
  /** Called, by a device that stands for several, with the name of each that it tries. */
  readonly onDevice?: (name: string) => void;
  /**
   * Called with milliseconds that the call has spent in the token, by a device that knows: inline calls of other requests come
   * between the beginning of a call and its end.
   */
  readonly onTokenTime?: (elapsedMs: number) => void;
}

/** A plaintext to seal, under the key with this label or id. */
export interface EncryptInput {
  readonly selector: DeviceKeySelector;
  /** Additional data, which the tag covers too. */
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}

/** A plaintext to seal, and the fields that its integrity value covers before the initialization vector. */
export interface CheckedEncryptInput extends EncryptInput {
  readonly additionalAuthenticatedData: Uint8Array;
  readonly ciphertextMetadata: Uint8Array;
}

/** A ciphertext to open. */
export interface DecryptInput extends Sealed {
  readonly selector: DeviceKeySelector;
  readonly aad: Uint8Array;
}

/** AES-GCM output: the initialization vector, a ciphertext as long as its plaintext and a tag of 16 bytes. */
export interface Sealed {
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Output that the token has opened again. */
export interface CheckedSealed extends Sealed {
  /** See `integrityValue`: computed before the ciphertext was opened. */
  readonly integrityValue: Uint8Array;
}

/** A usage of a key, in the words of the XKS API, the configuration and the token alike. */
export type KeyUsage = 'ENCRYPT' | 'DECRYPT';

/** Has a device make a call; it may choose the device, and change the options. */
export type MakeCall = <T>(
  call: DeviceCall,
  options: DeviceCallOptions,
  work: (device: KeyDevice, options: DeviceCallOptions) => Promise<T>,
) => Promise<T>;

/** A device all of whose calls are made by `make`. */
export function keyDevice(name: string, make: MakeCall): KeyDevice {
  return {
    name,
    usages: (selector, { fresh = false, ...options } = {}) =>
      make('FindKey', options, (device, others) => device.usages(selector, { ...others, fresh })),
    encrypt: (input, options = {}) =>
      make('Encrypt', options, (device, others) => device.encrypt(input, others)),
    encryptChecked: (input, options = {}) =>
      make('EncryptChecked', options, (device, others) => device.encryptChecked(input, others)),
    decrypt: (input, options = {}) =>
      make('Decrypt', options, (device, others) => device.decrypt(input, others)),
    ping: (options = {}) => make('Ping', options, (device, others) => device.ping(others)),
  };
}
