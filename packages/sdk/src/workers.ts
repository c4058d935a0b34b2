import { existsSync } from 'node:fs';
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
import { EncryptionSdkError } from './errors.ts';
import { type ClientPolicy, isIntegerBetween, parseClientOptions } from './options.ts';
import { BatchDecryptor } from './workers/batch-decryptor.ts';
import { BatchEncryptor } from './workers/batch-encryptor.ts';
import { BatchQueue } from './workers/batch-queue.ts';
import { isWorthThreads } from './workers/frame-batch.ts';
import { ThreadPool } from './workers/thread-pool.ts';

/** Options of {@link startFrameWorkers}. */
export interface FrameWorkersOptions {
  /** Most threads. Default: as many as the process can run at once. */
  readonly count?: number;
}

/** Threads that seal and open the frames of long messages in chunks, several messages at a time. */
export interface FrameWorkers extends AsyncDisposable {
  /**
   * Like `EncryptionClient.encryptor`, with the same message as result. Output comes a little later. Also fails with
   * `WORKERS_FAILED`.
   */
  encryptor(client: EncryptionClient, options: EncryptorOptions): ChunkTransform;
  /**
   * Like `DecryptionClient.decryptor`: nothing is released before its tag has verified. Output comes a little later,
   * and so may the failure of a frame that does not open. Also fails with `WORKERS_FAILED`.
   */
  decryptor(client: DecryptionClient, options: DecryptorOptions): ChunkTransform;
  /** Ends the threads. Messages of which they still have frames fail with `WORKERS_FAILED`. */
  close(): Promise<void>;
}

/**
 * Starts threads when there is work for them, on Node. They pay off for long messages with short frames, such as the
 * default of 4096 bytes; frames of more than 128 KiB are left to the thread of the caller, and so are messages of
 * suites without key derivation. A message takes about 256 KiB of memory, and 512 KiB more for each thread. Threads share the
 * content key of a message without a copy; they never get a data key.
 *
 * @throws RangeError unless `count` is an integer from 1 to 1024
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
  const pool = new ThreadPool(count, () => new Worker(threadFile(), threadOptions()));
  return {
    encryptor: (client, options) =>
      chunkEncryptor(policyOf(client), options, (message) => {
        const key = isWorthThreads(message.header) ? sharedKey(message.contentKey) : undefined;
        return key === undefined ? message : new BatchEncryptor(message, key, new BatchQueue(pool));
      }),
    decryptor: (client, options) =>
      chunkDecryptor(policyOf(client), options, (header, contentKey, verifier) => {
        const key = isWorthThreads(header) ? sharedKey(contentKey) : undefined;
        return key === undefined
          ? new BodyDecryptor(header, contentKey, verifier)
          : new BatchDecryptor(header, contentKey, key, verifier, new BatchQueue(pool));
      }),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/**
 * The policy of a client. Without it, what wraps a client would silently get the defaults.
 *
 * @throws TypeError for anything but a client
 */
function policyOf(client: DecryptionClient): ClientPolicy {
  const { commitmentPolicy, maxEncryptedDataKeys } = client ?? {};
  if (
    typeof client?.decryptor !== 'function' ||
    commitmentPolicy === undefined ||
    maxEncryptedDataKeys === undefined
  ) {
    throw new TypeError('client: expected a client, with its commitmentPolicy and maxEncryptedDataKeys');
  }
  return parseClientOptions(client);
}

/**
 * What a thread runs: beside this file, compiled or not like this file. Found only when it is needed: a bundle in CommonJS
 * has no URL.
 *
 * @throws EncryptionSdkError `WORKERS_FAILED` in a bundle, which lacks it
 */
function threadFile(): URL {
  const { url }: { readonly url?: string } = import.meta;
  const file = url === undefined ? undefined : new URL(`./frame-thread${extname(url)}`, url);
  if (file !== undefined && existsSync(file)) return file;
  throw new EncryptionSdkError(
    'WORKERS_FAILED',
    'no frame-thread.js lies beside @holdfast/sdk/workers: a bundle has to keep @holdfast/sdk external',
  );
}

/**
 * Threads inherit the arguments of Node, but a thread that runs a file does not start with `--input-type`, which is for
 * a program given as text.
 */
function threadOptions(): WorkerOptions {
  return process.execArgv.some((argument) => argument.startsWith('--input-type')) ? { execArgv: [] } : {};
}
