// AES-GCM for ./node.ts. Contracts: ./provider.ts
import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Parts, PIECE_LENGTH } from '../parts.ts';
import type { AesGcmKey, Awaitable, Opener, Sealer } from './provider.ts';

export function unsafeBytes(length: number): Uint8Array {
  // Shorter ones lie in the engine's heap, where zeros cost nothing.
  return length <= 64 ? new Uint8Array(length) : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

export function aesGcmKey(key: Uint8Array): Awaitable<AesGcmKey> {
  const algorithm = AES_GCM_BY_KEY_LENGTH.get(key.length);
  if (algorithm === undefined) throw new RangeError('an AES key has 16, 24 or 32 bytes');
  const keyObject = createSecretKey(key);
  return {
    seal(iv, aad, plaintext, out, offset = 0) {
      const cipher = createCipheriv(algorithm, keyObject, iv);
      cipher.setAAD(aad);
      const finish = (): void => {
        cipher.final();
        out.set(cipher.getAuthTag(), offset + plaintext.length);
      };
      if (plaintext.length <= PIECE_LENGTH) {
        if (plaintext.length > 0) out.set(cipher.update(plaintext), offset);
        return finish();
      }
      const put = (piece: Uint8Array, start: number): void => out.set(piece, offset + start);
      return pass(cipher, plaintext, put).then(finish);
    },
    open(iv, aad, sealed, out, offset = 0) {
      const end = sealed.length - TAG_LENGTH;
      if (end < 0) return false;
      const decipher = createDecipheriv(algorithm, keyObject, iv);
      decipher.setAAD(aad);
      for (let i = 0; i < TAG_LENGTH; i++) TAG[i] = sealed[end + i] ?? 0;
      decipher.setAuthTag(TAG);
      const put = (piece: Uint8Array, start: number): void => {
        out.set(piece, offset + start);
        piece.fill(0);
      };
      const finish = (): boolean => {
        if (verifies(decipher)) return true;
        out.fill(0, offset, offset + end);
        return false;
      };
      if (end <= PIECE_LENGTH) {
        if (end > 0) put(decipher.update(sealed.subarray(0, end)), 0);
        return finish();
      }
      return pass(decipher, sealed.subarray(0, end), put).then(finish);
    },
    sealer: (iv, aad) => new NodeSealer(algorithm, keyObject, iv, aad),
    opener: (iv, aad) => new NodeOpener(createDecipheriv(algorithm, keyObject, iv), aad),
  };
}

class NodeSealer implements Sealer {
  readonly #start: (aad: Uint8Array) => CipherGCM;
  readonly #restart: () => DecipherGCM;
  readonly #cipher: CipherGCM;
  readonly #ciphertext = new Parts(unsafeBytes);

  constructor(algorithm: AesGcm, key: KeyObject, iv: Uint8Array, aad: Uint8Array) {
    const ownIv = iv.slice();
    this.#start = (aad) => createCipheriv(algorithm, key, ownIv).setAAD(aad);
    this.#restart = () => createDecipheriv(algorithm, key, ownIv);
    this.#cipher = this.#start(aad);
  }

  update(plaintext: Uint8Array): void {
    this.#ciphertext.put(this.#cipher.update(plaintext));
  }

  final(): readonly Uint8Array[] {
    return [...this.#ciphertext.take(), tagOf(this.#cipher)];
  }

  /** Of the tag that was expected nothing is ever made: two under one IV would tell of the key that authenticates. */
  async finalWith(aad: Uint8Array): Promise<readonly Uint8Array[]> {
    const [decipher, cipher] = [this.#restart(), this.#start(aad)];
    const parts: Uint8Array[] = [];
    let length = 0;
    for (const part of this.#ciphertext.take()) {
      const plaintext = decipher.update(part);
      parts.push(cipher.update(plaintext));
      plaintext.fill(0);
      length += part.length;
      if (length < MAX_BLOCKING_LENGTH) continue;
      length = 0;
      await setImmediate();
    }
    return [...parts, tagOf(cipher)];
  }
}

class NodeOpener implements Opener {
  readonly #decipher: DecipherGCM;
  readonly #plaintext = new Parts(unsafeBytes);

  constructor(decipher: DecipherGCM, aad: Uint8Array) {
    this.#decipher = decipher.setAAD(aad);
  }

  update(ciphertext: Uint8Array): void {
    this.#plaintext.put(this.#decipher.update(ciphertext));
  }

  final(tag: Uint8Array): readonly Uint8Array[] | undefined {
    this.#decipher.setAuthTag(tag);
    if (verifies(this.#decipher)) return this.#plaintext.take();
    this.wipe();
    return undefined;
  }

  wipe(): void {
    this.#plaintext.wipe();
  }
}

function tagOf(cipher: CipherGCM): Uint8Array {
  cipher.final();
  return cipher.getAuthTag();
}

function verifies(decipher: DecipherGCM): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

/**
 * Sends long bytes through a cipher, and what comes out to its place. There may be gigabytes: whoever else waits for the
 * event loop has a turn now and then.
 */
async function pass(
  cipher: { update(bytes: Uint8Array): Uint8Array },
  bytes: Uint8Array,
  put: (piece: Uint8Array, start: number) => void,
): Promise<void> {
  for (let start = 0; start < bytes.length; start += PIECE_LENGTH) {
    if (start > 0 && start % MAX_BLOCKING_LENGTH === 0) await setImmediate();
    put(cipher.update(bytes.subarray(start, start + PIECE_LENGTH)), start);
  }
}

type AesGcm = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';

const TAG_LENGTH = 16;
/** A tag on its way: to look at sixteen bytes elsewhere costs more than to copy them. */
const TAG = new Uint8Array(TAG_LENGTH);
/** About a millisecond's work. */
const MAX_BLOCKING_LENGTH = 2 ** 21;
const AES_GCM_BY_KEY_LENGTH: ReadonlyMap<number, AesGcm> = new Map([
  [16, 'aes-128-gcm'],
  [24, 'aes-192-gcm'],
  [32, 'aes-256-gcm'],
]);
