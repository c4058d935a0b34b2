import { unsafeBytes } from '#crypto';
import { assertLength, wipeAll } from './bytes.ts';
import { type AuthenticHeader, type BodyReaderFactory, MessageDecryptor } from './decrypt.ts';
import { startEncryption } from './encrypt.ts';
import type { MessageEncryptor } from './encrypt-body.ts';
import { EncryptionSdkError } from './errors.ts';
import {
  assertBytes,
  type ClientPolicy,
  type DecryptOptions,
  type EncryptOptions,
  isIntegerBetween,
  parseDecryptOptions,
  parseEncryptOptions,
} from './options.ts';
import { Parts } from './parts.ts';

/**
 * Bytes in, bytes out: the form that all streams share. It takes chunks of any size; the arrays that it resolves to, in
 * order, are the output. They are not joined, because that would cost a good part of the time that encryption takes. A
 * chunk may be used again once its promise has settled. After a rejection there is no further output.
 */
export interface ChunkTransform {
  /** Takes a chunk and resolves to the output that is ready, which may be none. Await each call before the next. */
  update(chunk: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Ends the input and resolves to the rest of the output. */
  final(): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /**
   * Gives up, when the end of the input is not going to come: output that was not returned is dropped and zeroed, now
   * or when the call under way settles. Does nothing after the end or a failure, which leave nothing behind.
   */
  abort(): void;
}

interface ChunkOptions {
  /** Called once, before the first output, and awaited. If it throws or rejects, the transformation fails. */
  readonly onHeader?: (header: AuthenticHeader) => unknown;
  /**
   * Called after each chunk, and at the end, with the count of input bytes so far. Awaited, and able to fail the
   * transformation, like `onHeader`.
   */
  readonly onProgress?: (bytesDone: number) => unknown;
}

/** Options of `EncryptionClient.encryptor`. */
export type EncryptorOptions = EncryptOptions &
  ChunkOptions & {
    /**
     * Upper bound of the plaintext in bytes. One byte more fails with `PLAINTEXT_TOO_LONG`. A caching CMM needs it:
     * plaintext of unknown length is never encrypted under a cached data key.
     */
    readonly maxPlaintextLength?: number;
  };

/** Options of `EncryptionClient.decryptor`. */
export type DecryptorOptions = DecryptOptions &
  ChunkOptions & {
    /**
     * What to do with signed messages, whose signature comes last:
     * - `hold` (default): hold all plaintext back until the signature has verified
     * - `refuse`: fail with `SIGNED_MESSAGE_REFUSED` when the header names a signing suite, before any key is asked for
     * - `unsafeReleaseBeforeSignature`: release each frame but the last when its tag has verified. Until the end, that
     *   proves only that the writer could use the data key, as every reader can.
     */
    readonly signedMessages?: 'hold' | 'refuse' | 'unsafeReleaseBeforeSignature';
    /**
     * Most bytes to hold in memory: those of a frame that has not fully arrived, and of a signed message. More fail
     * with `BUFFER_LIMIT_EXCEEDED`. Default 64 MiB.
     */
    readonly maxBufferedBytes?: number;
  };

/** Writes a message: the header, then the body. */
export type BodyWriter = Pick<MessageEncryptor, 'update' | 'final' | 'wipe'>;

/** See `EncryptionClient.encryptor`. `bodyWriter` may put another writer in the place of the message itself. */
export function chunkEncryptor(
  policy: ClientPolicy,
  options: EncryptorOptions,
  bodyWriter: (message: MessageEncryptor) => BodyWriter = (message) => message,
): ChunkTransform {
  const { maxPlaintextLength: maxLength, onHeader, onProgress } = options ?? {};
  assertCallbacks({ onHeader, onProgress });
  if (maxLength !== undefined && !isIntegerBetween(maxLength, 0, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError('maxPlaintextLength: expected an integer, 0 or more');
  }
  const parsed = parseEncryptOptions(policy, options, maxLength);
  let body: BodyWriter | undefined;
  return inTurn({
    async take(chunk, taken) {
      if (maxLength !== undefined && taken > maxLength) {
        throw new EncryptionSdkError('PLAINTEXT_TOO_LONG', 'there is more plaintext than was announced');
      }
      const length = chunk?.length ?? 0;
      if (body === undefined) {
        const message = await startEncryption(parsed);
        // Created before `onHeader`, in which the application could write to the bytes of the header.
        body = bodyWriter(message);
        await onHeader?.({ header: { ...message.header }, encryptionContext: message.encryptionContext });
      }
      if (chunk === undefined) return body.final();
      assertLength(chunk, length);
      return body.update(chunk);
    },
    wipe: () => body?.wipe(),
    onProgress,
  });
}

/** See `EncryptionClient.decryptor`. `bodyReader` may create another reader than a `BodyDecryptor`. */
export function chunkDecryptor(
  policy: ClientPolicy,
  options: DecryptorOptions,
  bodyReader?: BodyReaderFactory,
): ChunkTransform {
  const { signedMessages = 'hold', maxBufferedBytes = 2 ** 26, onHeader, onProgress } = options ?? {};
  if (!isIntegerBetween(maxBufferedBytes, 0, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError('maxBufferedBytes: expected an integer, 0 or more');
  }
  if (!SIGNED_MESSAGES.includes(signedMessages)) {
    throw new TypeError(`signedMessages: expected ${SIGNED_MESSAGES.join(' or ')}`);
  }
  let isHeldBack = false;
  const held = new Parts(unsafeBytes);
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
    bodyReader,
  });
  return inTurn({
    async take(chunk) {
      if (chunk === undefined) {
        decryptor.final();
        return held.take();
      }
      const parts = await decryptor.update(chunk);
      if (isHeldBack) for (const part of parts) held.put(part);
      if (held.length + decryptor.bufferedBytes > maxBufferedBytes) {
        wipeAll(parts);
        throw new EncryptionSdkError('BUFFER_LIMIT_EXCEEDED', 'too much to hold back');
      }
      return isHeldBack ? [] : parts;
    },
    wipe() {
      held.wipe();
      decryptor.wipe();
    },
    onProgress,
  });
}

/** @throws TypeError for callbacks that are no functions */
function assertCallbacks(callbacks: Readonly<Record<string, unknown>>): void {
  for (const [name, callback] of Object.entries(callbacks)) {
    if (callback && typeof callback !== 'function') throw new TypeError(`${name}: expected a function`);
  }
}

interface Steps {
  /** Takes a chunk, or `undefined` at the end. `taken` is the count of input bytes so far, with this chunk. */
  readonly take: (
    chunk: Uint8Array | undefined,
    taken: number,
  ) => Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Drops and zeroes output that was not returned. */
  readonly wipe: () => void;
  readonly onProgress: ChunkOptions['onProgress'];
}

/** Takes chunks one at a time, and none after a failure or the end. */
function inTurn({ take, wipe, onProgress }: Steps): ChunkTransform {
  let state: TransformState = 'ready';
  let isGivenUp = false;
  let taken = 0;
  const call = async (chunk?: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]> => {
    if (state === 'busy') throw new TypeError('wait for each call before the next');
    if (state === 'over') throw new TypeError('it has ended');
    state = 'busy';
    let parts: readonly Uint8Array<ArrayBuffer>[] = [];
    try {
      taken += chunk?.length ?? 0;
      parts = await take(chunk, taken);
      await onProgress?.(taken);
      if (isGivenUp) throw new TypeError('it was given up');
      state = chunk === undefined ? 'over' : 'ready';
      return parts;
    } catch (error) {
      state = 'over';
      wipeAll(parts);
      wipe();
      throw error;
    }
  };
  return {
    async update(chunk) {
      assertBytes(chunk, 'chunk');
      return call(chunk);
    },
    final: () => call(),
    abort() {
      isGivenUp = true;
      if (state !== 'ready') return;
      state = 'over';
      wipe();
    },
  };
}

const SIGNED_MESSAGES = ['hold', 'refuse', 'unsafeReleaseBeforeSignature'] as const;

type TransformState = 'ready' | 'busy' | 'over';
