/** Where keys live. All methods fail with an `XksException` that is fit to be answered. */
export interface KeyDevice {
  /** Unique among the devices of a fleet. */
  readonly id: string;
  /** Product and version, as the device reports them. */
  readonly model: string;
  readonly manufacturer: string;
  /**
   * The AES-256 key with this label; with `fresh` the device is asked, and not what is remembered of it. Throws
   * `KeyNotFoundException`.
   */
  key(label: string, options?: { readonly fresh?: boolean }): DeviceKey;
  randomBytes(length: number, options?: DeviceCallOptions): Promise<Uint8Array>;
}

/** A call that still waits for the device is given up when the signal is aborted, and rejects with its reason. */
interface DeviceCallOptions {
  readonly signal?: AbortSignal;
}

/** One AES-256 key; its bytes never leave the device. */
export interface DeviceKey {
  readonly usages: readonly KeyUsage[];
  encrypt(
    input: { iv: Uint8Array; aad: Uint8Array; plaintext: Uint8Array },
    options?: DeviceCallOptions,
  ): Promise<Sealed>;
  /** Rejects with `InvalidCiphertextException` if anything was changed. */
  decrypt(
    input: { iv: Uint8Array; aad: Uint8Array } & Sealed,
    options?: DeviceCallOptions,
  ): Promise<Uint8Array>;
}

/** AES-GCM output: a ciphertext as long as its plaintext and a tag of 16 bytes. */
export interface Sealed {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** What a key may do: as the XKS API, the configuration and the token all name it. */
export type KeyUsage = 'ENCRYPT' | 'DECRYPT';
