/** What C_GetInfo returns, as far as it matters here. */
interface ModuleInfo {
  readonly manufacturerID: string;
  readonly libraryVersion: { readonly major: number; readonly minor: number };
}

/**
 * Returns the return value with which a module reports a bad tag although the standard reserves another one for it, or
 * undefined for a module that keeps to the standard. It has this meaning only when C_Decrypt returns it: from any other
 * function it is the failure that its name says.
 */
export function decryptionFailureOf(info: ModuleInfo): number | undefined {
  return QUIRKS.find(
    ({ manufacturer, before }) =>
      info.manufacturerID.trim() === manufacturer &&
      (info.libraryVersion.major < before.major ||
        (info.libraryVersion.major === before.major && info.libraryVersion.minor < before.minor)),
  )?.decryptionFailure;
}

const QUIRKS = [
  // CKR_GENERAL_ERROR; 2.7.0 returns CKR_ENCRYPTED_DATA_INVALID.
  { manufacturer: 'SoftHSM', before: { major: 2, minor: 7 }, decryptionFailure: 0x5 },
] as const;
