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
 * Bytes in, bytes out: the form that all streams share. Feed chunks of any size, keep the arrays that come back in order:
 * to join them is left to whoever has to, for it costs as much as a good part of the encryption.
 * A chunk may be used again once its promise has settled. After a rejection nothing more comes.
 */
export interface ChunkTransform {
  /** Takes a chunk and answers what is ready, which may be nothing. Wait for each call before the next. */
  update(chunk: Uint8Array): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Ends the input and answers the rest. */
  final(): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /**
   * Gives up, where the end of the input is not going to come: what was not answered is dropped and zeroed, now or when the
   * call under way settles. Does nothing after the end or a failure, which leave nothing behind.
   */
  abort(): void;
}

interface ChunkOptions {
  /** Called once, before the first bytes come out. It is waited for, and what it throws fails the transformation. */
  readonly onHeader?: (header: AuthenticHeader) => unknown;
  /** Called after each chunk, and at the end, with the count of input bytes so far. Waited for, and failing, as `onHeader`. */
  readonly onProgress?: (bytesDone: number) => unknown;
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

/** What makes the body of a message, whose header it begins with. */
export type BodyWriter = Pick<MessageEncryptor, 'update' | 'final' | 'wipe'>;

/** See `EncryptionClient.encryptor`. The body is made by the message itself, or by what is given. */
export function chunkEncryptor(
  policy: ClientPolicy,
  options: EncryptorOptions,
  bodyWriter: (message: MessageEncryptor) => BodyWriter = (message) => message,
): ChunkTransform {
  const { maxPlaintextLength: maxLength, onHeader, onProgress } = options;
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
        // Before the application can write to the bytes of the header.
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

/** See `EncryptionClient.decryptor`. The body is read by what is given, if anything is. */
export function chunkDecryptor(
  policy: ClientPolicy,
  options: DecryptorOptions,
  bodyReader?: BodyReaderFactory,
): ChunkTransform {
  const { signedMessages = 'hold', maxBufferedBytes = 2 ** 26, onHeader, onProgress } = options;
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

interface Steps {
  /** Takes a chunk, or the end, which is `undefined`; with it, `taken` bytes have come. */
  readonly take: (
    chunk: Uint8Array | undefined,
    taken: number,
  ) => Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Drops and zeroes what was not answered. */
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
