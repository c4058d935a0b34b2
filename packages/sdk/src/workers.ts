import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import {
  type ChunkTransform,
  chunkDecryptor,
  chunkEncryptor,
  type DecryptorOptions,
  type EncryptorOptions,
} from './chunks.ts';
import type { EncryptionClient } from './client.ts';
import { sharedKey } from './crypto/node-aes.ts';
import { BodyDecryptor } from './decrypt-body.ts';
import type { DecryptionClient } from './decryption-client.ts';
import { isIntegerBetween, parseClientOptions } from './options.ts';
import { isWorthThreads } from './workers/frame-run.ts';
import { RunDecryptor } from './workers/run-decryptor.ts';
import { RunEncryptor } from './workers/run-encryptor.ts';
import { RunQueue } from './workers/run-queue.ts';
import { ThreadPool } from './workers/thread-pool.ts';

/** Options of {@link startFrameWorkers}. */
export interface FrameWorkersOptions {
  /** Most threads. Default: as many as the process can run at once. */
  readonly count?: number;
}

/** Threads that seal and open the frames of long messages in chunks, several messages at a time. */
export interface FrameWorkers extends AsyncDisposable {
  /**
   * As `EncryptionClient.encryptor`, and the same message. What is ready comes out a little later. Also fails with
   * `WORKERS_FAILED`.
   */
  encryptor(client: EncryptionClient, options: EncryptorOptions): ChunkTransform;
  /**
   * As `DecryptionClient.decryptor`: nothing comes out before its tag has verified. What is ready comes out a little later,
   * and a frame that does not open may be found later. Also fails with `WORKERS_FAILED`.
   */
  decryptor(client: DecryptionClient, options: DecryptorOptions): ChunkTransform;
  /** Ends the threads. Messages that they have a part of fail with `WORKERS_FAILED`. */
  close(): Promise<void>;
}

/**
 * Starts threads when there is work for them, on Node. They pay for long messages with short frames, as of the default
 * 4096 bytes; frames of more than 128 KiB are left to the thread of the caller, and so are messages of suites without key
 * derivation. A message has up to 256 KiB with each thread, twice over. The content key of a message is shared with them,
 * not copied; no data key gets there.
 *
 * @throws RangeError for a count that is no integer from 1 to 1024
 * @example
 * const workers = startFrameWorkers();
 * const encryptor = workers.encryptor(client, { keyring });
 * await pipeline(createReadStream('in'), duplex(encryptor), createWriteStream('out'));
 * await workers.close();
 */
export function startFrameWorkers({
  count = availableParallelism(),
}: FrameWorkersOptions = {}): FrameWorkers {
  if (!isIntegerBetween(count, 1, 1024)) throw new RangeError('count: expected an integer from 1 to 1024');
  // Beside this file, compiled as it is or not. Not before it is wanted: a bundle in CommonJS has no URL.
  const thread = new URL(`./frame-thread${extname(import.meta.url)}`, import.meta.url);
  const pool = new ThreadPool(count, () => new Worker(thread, threadOptions()));
  return {
    encryptor: (client, options) =>
      chunkEncryptor(parseClientOptions(client), options, (message) => {
        const key = isWorthThreads(message.header) ? sharedKey(message.contentKey) : undefined;
        return key === undefined ? message : new RunEncryptor(message, key, new RunQueue(pool));
      }),
    decryptor: (client, options) =>
      chunkDecryptor(parseClientOptions(client), options, (header, contentKey, verifier) => {
        const key = isWorthThreads(header) ? sharedKey(contentKey) : undefined;
        return key === undefined
          ? new BodyDecryptor(header, contentKey, verifier)
          : new RunDecryptor(header, contentKey, key, verifier, new RunQueue(pool));
      }),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** Threads inherit the arguments of Node, but a thread that runs a file does not start with those for a program that is a text. */
function threadOptions(): WorkerOptions {
  return process.execArgv.some((argument) => argument.startsWith('--input-type')) ? { execArgv: [] } : {};
}
