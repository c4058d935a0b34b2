import type { Deadline } from '../deadline.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/**
 * Where AES-256 keys live, whose bytes never leave it: a token, or several that hold the same keys. All methods fail with
 * an `XksException` that is fit to be answered: `KeyNotFoundException` for a key that is not there, and
 * `InvalidKeyUsageException` for one that may not be used so.
 */
export interface KeyDevice {
  /** As the configuration names it. */
  readonly name: string;
  /** What the key may do; with `fresh` the device is asked, and not what is remembered of it. */
  usages(
    selector: DeviceKeySelector,
    options?: DeviceCallOptions & { readonly fresh?: boolean },
  ): Promise<readonly KeyUsage[]>;
  /** Seals under an initialization vector of the device's or proxy's choice, never used before. */
  encrypt(input: EncryptInput, options?: DeviceCallOptions): Promise<Sealed>;
  /** As `encrypt`, and opens what was sealed to see that it can be: in one call, since each has its price. */
  encryptChecked(input: CheckedEncryptInput, options?: DeviceCallOptions): Promise<CheckedSealed>;
  /** Rejects with `InvalidCiphertextException` if anything was changed. */
  decrypt(input: DecryptInput, options?: DeviceCallOptions): Promise<Uint8Array>;
  /** Asks the device for something that needs no key. */
  ping(options?: DeviceCallOptions): Promise<void>;
}

/** What is asked of a device. */
export type DeviceCall = 'FindKey' | 'Encrypt' | 'EncryptChecked' | 'Decrypt' | 'Ping';

/** What a token reports of itself. */
export interface DeviceInfo {
  /** Unique among the devices of a fleet. */
  readonly serial: string;
  /** Product and version. */
  readonly model: string;
  readonly manufacturer: string;
}

/** A call is given up when its deadline is reached, and one that still waits for the device is not made any more. */
export interface DeviceCallOptions {
  readonly deadline?: Deadline;
  /** Told, by a device that stands for several, the name of each that it tries. */
  readonly onDevice?: (name: string) => void;
}

/** What is sealed, under the key with this label or id. */
export interface EncryptInput {
  readonly selector: DeviceKeySelector;
  /** What the tag covers besides. */
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}

/** What is sealed, and what its integrity value covers before the initialization vector. */
export interface CheckedEncryptInput extends EncryptInput {
  readonly additionalAuthenticatedData: Uint8Array;
  readonly ciphertextMetadata: Uint8Array;
}

/** What is opened. */
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

/** Output that was opened again. */
export interface CheckedSealed extends Sealed {
  /** See `integrityValue`: of what was sealed, as it was before it was opened. */
  readonly integrityValue: Uint8Array;
}

/** What a key may do: as the XKS API, the configuration and the token all name it. */
export type KeyUsage = 'ENCRYPT' | 'DECRYPT';

/** Has one device or another make a call, with options that may be others than the caller's. */
export type MakeCall = <T>(
  call: DeviceCall,
  options: DeviceCallOptions,
  work: (device: KeyDevice, options: DeviceCallOptions) => Promise<T>,
) => Promise<T>;

/** A device all of whose calls are made by others, and all in one way. */
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
