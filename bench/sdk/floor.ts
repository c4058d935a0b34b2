import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHmac,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  generateKeyPair,
  getRandomValues,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { SealedMessage } from './sealed-message.ts';
import { SIGNED, UNSIGNED, type Workload, wrappingKey } from './side.ts';

/** The floor of one kind of message. All of it is synchronous. */
export interface Floor {
  /** `repeat` times as much plaintext as is given. */
  readonly encrypt: (plaintext: Uint8Array, repeat?: number) => void;
  readonly decrypt: (message: SealedMessage) => void;
}

/**
 * The calls of node:crypto that a message cannot do without, each in its fastest form, on one thread: no format,
 * no output, no checks. What comes on top is the price of an SDK.
 */
export function floor({ suite, frameLength, isCached }: Workload): Floor {
  const isSigned = suite === SIGNED;
  return {
    encrypt(plaintext, repeat = 1) {
      // The message id, and unless they are cached the data key and the IV under which it is wrapped.
      const random = getRandomValues(new Uint8Array(isCached ? 32 : 76));
      if (isSigned && !isCached) createECDH('secp384r1').generateKeys();
      if (!isCached) seal(WRAPPING_KEY, random.subarray(64), random.subarray(32, 64));
      const contentKey = derive(suite, random.subarray(0, 32), random.subarray(0, 32));
      seal(contentKey, IV, NOTHING);
      const sign = isSigned ? createSign('sha384').update(HEADER) : undefined;
      for (let i = 0; i < repeat; i++) {
        for (let start = 0; start < plaintext.length; start += frameLength) {
          seal(contentKey, IV, plaintext.subarray(start, start + frameLength), sign);
        }
      }
      sign?.sign(PRIVATE_KEY);
    },
    decrypt({ messageId, header, frames, dataKey, publicKey, signature }) {
      const unwrapped = isCached ? dataKey.bytes : open(WRAPPING_KEY, dataKey.wrapped);
      const contentKey = derive(suite, unwrapped, messageId);
      open(contentKey, header);
      const verify = isSigned ? createVerify('sha384').update(header.aad) : undefined;
      for (const frame of frames) open(contentKey, frame, verify);
      const key = publicKey && (isCached ? PUBLIC_KEY : createPublicKey(publicKey));
      if (key !== undefined) verify?.verify(key, signature);
    },
  };
}

interface Hashing {
  update(bytes: Uint8Array): unknown;
}

function seal(key: KeyObject, iv: Uint8Array, plaintext: Uint8Array, hashing?: Hashing): void {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(AAD);
  for (let start = 0; start < plaintext.length; start += PIECE_LENGTH) {
    const ciphertext = cipher.update(plaintext.subarray(start, start + PIECE_LENGTH));
    hashing?.update(ciphertext);
  }
  cipher.final();
  cipher.getAuthTag();
}

/** Answers the first piece. */
function open(
  key: KeyObject,
  { iv, aad, ciphertext, tag }: SealedMessage['header'],
  hashing?: Hashing,
): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(aad).setAuthTag(tag);
  let first = NOTHING;
  for (let start = 0; start < ciphertext.length; start += PIECE_LENGTH) {
    const piece = ciphertext.subarray(start, start + PIECE_LENGTH);
    hashing?.update(piece);
    const plaintext = decipher.update(piece);
    if (start === 0) first = plaintext;
  }
  decipher.final();
  return first;
}

/** The content key. Data keys are messages of HMAC, as security wants it. */
function derive(suite: Workload['suite'], dataKey: Uint8Array, messageId: Uint8Array): KeyObject {
  const pseudorandomKey = createHmac('sha512', hmacKey(messageId)).update(dataKey).digest();
  const prk = hmacKey(pseudorandomKey);
  createHmac('sha512', prk).update(COMMIT_INFO).digest();
  const block = createHmac('sha512', prk).update(KEY_INFO[suite]).digest();
  return createSecretKey(block.subarray(0, 32));
}

/** The faster form, which is another one for each version of Node. */
const hmacKey = Number.parseInt(process.versions.node, 10) >= 24 ? createSecretKey : (key: Uint8Array) => key;
const NOTHING: Uint8Array = new Uint8Array(0);
const IV = new Uint8Array(12);
const AAD = new Uint8Array(76);
const HEADER = new Uint8Array(300);
const COMMIT_INFO = Buffer.from('COMMITKEY\x01');
const KEY_INFO = {
  [UNSIGNED]: Buffer.from('\x04\x78DERIVEKEY\x01', 'latin1'),
  [SIGNED]: Buffer.from('\x05\x78DERIVEKEY\x01', 'latin1'),
} as const;
/** Longer pieces are slower: what comes out no longer fits into the processor's cache. */
const PIECE_LENGTH = 2 ** 16;
const WRAPPING_KEY = createSecretKey(wrappingKey());
const { privateKey: PRIVATE_KEY, publicKey: PUBLIC_KEY } = await promisify(generateKeyPair)('ec', {
  namedCurve: 'secp384r1',
});
