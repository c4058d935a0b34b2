import { type AuthenticHeader, MessageDecryptor } from './decrypt.ts';
import { startEncryption } from './encrypt.ts';
import type { MessageEncryptor } from './encrypt-body.ts';
import { EncryptionSdkError } from './errors.ts';
import { Input } from './format/input.ts';
import {
  assertBytes,
  type ClientPolicy,
  type DecryptOptions,
  type EncryptOptions,
  isIntegerBetween,
  parseDecryptOptions,
  parseEncryptOptions,
} from './options.ts';

/**
 * Bytes in, bytes out: the form that all streams share. Feed chunks of any size, keep what comes back in order.
 * A chunk may be used again once its promise has settled. After a rejection nothing more comes.
 */
export interface ChunkTransform {
  /** Takes a chunk and answers what is ready, which may be nothing. Wait for each call before the next. */
  update(chunk: Uint8Array): Promise<Uint8Array>;
  /** Ends the input and answers the rest. */
  final(): Promise<Uint8Array>;
}

interface ChunkOptions {
  /** Called once, before the first bytes come out. It is waited for, and what it throws fails the transformation. */
  readonly onHeader?: (header: AuthenticHeader) => unknown;
  /** Called after each chunk with the count of input bytes so far. */
  readonly onProgress?: (bytesDone: number) => void;
}

/** Options of `EncryptionClient.encryptor`. */
export type EncryptorOptions = EncryptOptions &
  ChunkOptions & {
    /**
     * Most bytes of plaintext that will come. One more fails with `PLAINTEXT_TOO_LONG`. A caching CMM needs it:
     * plaintext of unknown length is never encrypted under a cached data key.
     */
    readonly maxPlaintextLength?: number;
  };

/** Options of `EncryptionClient.decryptor`. */
export type DecryptorOptions = DecryptOptions &
  ChunkOptions & {
    /**
     * What to do with signed messages, whose signature comes last:
     * - `hold` (default): hold all plaintext back until it has verified
     * - `refuse`: fail with `SIGNED_MESSAGE_REFUSED` when the header shows one, before any key is asked for
     * - `unsafeReleaseBeforeSignature`: give out each frame when its tag has verified. Until the end, that
     *   proves only that somebody wrote it who can use the data key, which every reader can.
     */
    readonly signedMessages?: 'hold' | 'refuse' | 'unsafeReleaseBeforeSignature';
    /**
     * Most bytes to hold in memory: of a frame that is still coming in, and of a signed message. A longer one
     * fails with `BUFFER_LIMIT_EXCEEDED`. Default 64 MiB.
     */
    readonly maxBufferedBytes?: number;
  };

/** See `EncryptionClient.encryptor`. */
export function chunkEncryptor(policy: ClientPolicy, options: EncryptorOptions): ChunkTransform {
  const { maxPlaintextLength: maxLength, onHeader, onProgress } = options;
  if (maxLength !== undefined && !isIntegerBetween(maxLength, 0, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError('maxPlaintextLength: expected an integer, 0 or more');
  }
  const parsed = parseEncryptOptions(policy, options, maxLength);
  let message: MessageEncryptor | undefined;
  let taken = 0;
  const take = async (chunk: Uint8Array, isLast: boolean): Promise<Uint8Array> => {
    taken += chunk.length;
    if (maxLength !== undefined && taken > maxLength) {
      throw new EncryptionSdkError('PLAINTEXT_TOO_LONG', 'there is more plaintext than was announced');
    }
    if (message === undefined) {
      message = await startEncryption(parsed);
      await onHeader?.({ header: message.header, encryptionContext: message.encryptionContext });
    }
    const bytes = await (isLast ? message.final(chunk) : message.update(chunk));
    onProgress?.(taken);
    return bytes;
  };
  return inTurn(take);
}

/** See `EncryptionClient.decryptor`. */
export function chunkDecryptor(policy: ClientPolicy, options: DecryptorOptions): ChunkTransform {
  const { signedMessages = 'hold', maxBufferedBytes = 2 ** 26, onHeader, onProgress } = options;
  if (!isIntegerBetween(maxBufferedBytes, 0, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError('maxBufferedBytes: expected an integer, 0 or more');
  }
  if (!['hold', 'refuse', 'unsafeReleaseBeforeSignature'].includes(signedMessages)) {
    throw new TypeError('signedMessages: expected hold, refuse or unsafeReleaseBeforeSignature');
  }
  let isHeldBack = false;
  const held = new Input();
  let taken = 0;
  const decryptor = new MessageDecryptor({
    ...parseDecryptOptions(policy, options),
    onUnauthenticatedHeader({ suite }) {
      if (suite.signature === undefined) return;
      if (signedMessages === 'refuse') {
        throw new EncryptionSdkError('SIGNED_MESSAGE_REFUSED', 'the message is signed');
      }
      isHeldBack = signedMessages === 'hold';
    },
    onHeader,
  });
  const hold = (plaintext: Uint8Array): void => {
    held.push(plaintext);
    held.settle();
    plaintext.fill(0);
  };
  const take = async (chunk: Uint8Array, isLast: boolean): Promise<Uint8Array> => {
    if (isLast) {
      const { plaintext } = await decryptor.final(chunk);
      if (held.length === 0) return plaintext;
      hold(plaintext);
      return held.take(held.length).slice();
    }
    const plaintext = await decryptor.update(chunk);
    if (isHeldBack) hold(plaintext);
    if (held.length + decryptor.bufferedBytes > maxBufferedBytes) {
      throw new EncryptionSdkError('BUFFER_LIMIT_EXCEEDED', 'too much would have to be held back');
    }
    return isHeldBack ? NOTHING : plaintext;
  };
  return inTurn(async (chunk, isLast) => {
    taken += chunk.length;
    let isOver = true;
    try {
      const plaintext = await take(chunk, isLast);
      onProgress?.(taken);
      isOver = isLast;
      return plaintext;
    } finally {
      if (isOver) held.wipe();
    }
  });
}

/** Takes chunks one at a time, and none after a failure or the end. */
function inTurn(take: (chunk: Uint8Array, isLast: boolean) => Promise<Uint8Array>): ChunkTransform {
  let state: TransformState = 'ready';
  const call = async (chunk: Uint8Array, isLast: boolean): Promise<Uint8Array> => {
    assertBytes(chunk, 'chunk');
    if (state === 'busy') throw new TypeError('wait for each call before the next');
    if (state === 'over') throw new TypeError('the transformation has ended');
    state = 'busy';
    let next: TransformState = 'over';
    try {
      const bytes = await take(chunk, isLast);
      if (!isLast) next = 'ready';
      return bytes;
    } finally {
      state = next;
    }
  };
  return { update: async (chunk) => call(chunk, false), final: async () => call(NOTHING, true) };
}

type TransformState = 'ready' | 'busy' | 'over';

const NOTHING = new Uint8Array(0);
