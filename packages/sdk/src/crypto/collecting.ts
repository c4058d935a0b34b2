import { Parts } from '../parts.ts';
import type { AesGcmKey, Opener, Sealer } from './provider.ts';

/** An AES key that can only seal and open as a whole, as one that takes pieces: they are kept until the end. */
export function collecting(key: Pick<AesGcmKey, 'seal' | 'open'>): AesGcmKey {
  return {
    ...key,
    sealer: (iv, aad) => collectingSealer(key, iv.slice(), aad.slice()),
    opener: (iv, aad) => collectingOpener(key, iv.slice(), aad.slice()),
  };
}

function collectingSealer({ seal }: Pick<AesGcmKey, 'seal'>, iv: Uint8Array, aad: Uint8Array): Sealer {
  const collected = new Parts(zeros);
  const finalWith = async (aad: Uint8Array): Promise<readonly Uint8Array[]> => {
    const plaintext = collected.join();
    const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
    try {
      await seal(iv, aad, plaintext, sealed);
    } finally {
      plaintext.fill(0);
    }
    return [sealed];
  };
  return {
    update: (plaintext) => collected.putCopy(plaintext),
    final: () => finalWith(aad),
    finalWith,
    wipe: () => collected.wipe(),
  };
}

function collectingOpener({ open }: Pick<AesGcmKey, 'open'>, iv: Uint8Array, aad: Uint8Array): Opener {
  const collected = new Parts(zeros);
  return {
    update: (ciphertext) => collected.putCopy(ciphertext),
    async final(tag) {
      collected.putCopy(tag);
      const sealed = collected.join();
      const plaintext = new Uint8Array(sealed.length - TAG_LENGTH);
      return (await open(iv, aad, sealed, plaintext)) ? [plaintext] : undefined;
    },
    wipe: () => collected.wipe(),
  };
}

function zeros(length: number): Uint8Array {
  return new Uint8Array(length);
}

const TAG_LENGTH = 16;
