import { unsafeBytes } from '#crypto';
import type { AesGcmKey, Sealer } from './crypto/provider.ts';
import { TAG_LENGTH } from './format/body.ts';
import { Parts } from './parts.ts';

/** A sealer for runtimes that can only seal all plaintext at once: it keeps the plaintext until the end. */
export function collectingSealer(key: AesGcmKey, iv: Uint8Array, aad: Uint8Array): Sealer {
  const [ownIv, ownAad] = [Uint8Array.from(iv), Uint8Array.from(aad)];
  const collected = new Parts(unsafeBytes);
  const finalWith = async (aad: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> => {
    const plaintext = collected.join();
    const sealed = unsafeBytes(plaintext.length + TAG_LENGTH);
    try {
      await key.seal(ownIv, aad, plaintext, sealed);
    } finally {
      plaintext.fill(0);
    }
    return [sealed];
  };
  return {
    update: (plaintext) => collected.putCopy(plaintext),
    final: () => finalWith(ownAad),
    finalWith,
    wipe: () => collected.wipe(),
  };
}
