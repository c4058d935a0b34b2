import type { Deadline } from '../deadline.ts';
import type { DeviceKeySelector } from './key-selector.ts';

/** Where keys live: a token, or several that hold the same keys. All methods fail with an `XksException` that is fit to be answered. */
export interface KeyDevice {
  /** As the configuration names it. */
  readonly name: string;
  /**
   * The AES-256 key with this label or id; with `fresh` the device is asked, and not what is remembered of it. Rejects
   * with `KeyNotFoundException`.
   */
  key(
    selector: DeviceKeySelector,
    options?: DeviceCallOptions & { readonly fresh?: boolean },
  ): Promise<DeviceKey>;
  /** Asks the device for something that needs no key. */
  ping(options?: DeviceCallOptions): Promise<void>;
}

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

/** One AES-256 key; its bytes never leave the device. */
export interface DeviceKey {
  readonly usages: readonly KeyUsage[];
  /** Seals under an initialization vector of the device's or proxy's choice, never used before. */
  encrypt(
    input: { readonly aad: Uint8Array; readonly plaintext: Uint8Array },
    options?: DeviceCallOptions,
  ): Promise<Sealed>;
  /** Rejects with `InvalidCiphertextException` if anything was changed. */
  decrypt(input: { readonly aad: Uint8Array } & Sealed, options?: DeviceCallOptions): Promise<Uint8Array>;
}

/** AES-GCM output: the initialization vector, a ciphertext as long as its plaintext and a tag of 16 bytes. */
export interface Sealed {
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** What a key may do: as the XKS API, the configuration and the token all name it. */
export type KeyUsage = 'ENCRYPT' | 'DECRYPT';
