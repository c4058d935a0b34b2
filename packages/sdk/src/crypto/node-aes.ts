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
import { secretBytes } from '../bytes.ts';
import { Parts, PIECE_LENGTH } from '../parts.ts';
import type { AesGcmKey, Awaitable, Opener, Sealer } from './provider.ts';

export function unsafeBytes(length: number): Uint8Array {
  // Zeros cost less than a Buffer here, and plaintext must not lie in the engine's heap, as a short array would.
  return length <= 64 ? secretBytes(length) : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

export function aesGcmKey(key: Uint8Array): Awaitable<AesGcmKey> {
  const algorithm = AES_GCM_BY_KEY_LENGTH.get(key.length);
  if (algorithm === undefined) throw new RangeError('an AES key has 16, 24 or 32 bytes');
  const keyObject = createSecretKey(key);
  return {
    seal(iv, aad, plaintext, out, offset = 0) {
      const cipher = createCipheriv(algorithm, keyObject, iv);
      cipher.setAAD(aad);
      const { length } = plaintext;
      if (length > PIECE_LENGTH) return sealLong(cipher, plaintext, out, offset);
      if (length > 0) out.set(cipher.update(plaintext), offset);
      return out.set(tagOf(cipher), offset + length);
    },
    open(iv, aad, sealed, out, offset = 0) {
      const length = sealed.length - TAG_LENGTH;
      if (length < 0) return false;
      const decipher = createDecipheriv(algorithm, keyObject, iv);
      decipher.setAAD(aad);
      for (let i = 0; i < TAG_LENGTH; i++) TAG[i] = sealed[length + i] ?? 0;
      decipher.setAuthTag(TAG);
      if (length > PIECE_LENGTH) return openLong(decipher, sealed.subarray(0, length), out, offset);
      if (length > 0) move(decipher.update(sealed.subarray(0, length)), out, offset);
      return verifies(decipher, out, offset, length);
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
    const parts = this.#ciphertext.take();
    let length = 0;
    for (const part of parts) {
      const plaintext = decipher.update(part);
      // The same bytes as in `part`.
      cipher.update(plaintext);
      Uint8Array.prototype.fill.call(plaintext, 0);
      length += part.length;
      if (length < MAX_BLOCKING_LENGTH) continue;
      length = 0;
      await setImmediate();
    }
    return [...parts, tagOf(cipher)];
  }

  wipe(): void {
    this.#ciphertext.wipe();
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

/** True if the tag was right; otherwise nothing is left of the plaintext. */
function verifies(decipher: DecipherGCM, out = NOTHING, offset = 0, length = 0): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    out.fill(0, offset, offset + length);
    return false;
  }
}

async function sealLong(
  cipher: CipherGCM,
  plaintext: Uint8Array,
  out: Uint8Array,
  offset: number,
): Promise<void> {
  await inTurns(plaintext, (piece, start) => out.set(cipher.update(piece), offset + start));
  out.set(tagOf(cipher), offset + plaintext.length);
}

async function openLong(
  decipher: DecipherGCM,
  ciphertext: Uint8Array,
  out: Uint8Array,
  offset: number,
): Promise<boolean> {
  await inTurns(ciphertext, (piece, start) => move(decipher.update(piece), out, offset + start));
  return verifies(decipher, out, offset, ciphertext.length);
}

/** There may be gigabytes: whoever else waits for the event loop has a turn now and then. */
async function inTurns(bytes: Uint8Array, pass: (piece: Uint8Array, start: number) => void): Promise<void> {
  for (let start = 0; start < bytes.length; start += PIECE_LENGTH) {
    if (start > 0 && start % MAX_BLOCKING_LENGTH === 0) await setImmediate();
    pass(bytes.subarray(start, start + PIECE_LENGTH), start);
  }
}

/** What node:crypto puts out is copied to its place: while it is in the processor's cache, that costs little. */
function move(piece: Uint8Array, out: Uint8Array, offset: number): void {
  out.set(piece, offset);
  // That of Buffer, which it is, takes several times as long.
  Uint8Array.prototype.fill.call(piece, 0);
}

type AesGcm = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';

const NOTHING: Uint8Array = new Uint8Array(0);
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
