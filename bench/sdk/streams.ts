import { createReadStream, createWriteStream } from 'node:fs';
import { type Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Workload } from './side.ts';

/** Encrypts plaintext that comes out of nowhere to a reader who keeps nothing. */
export async function encryptStream({ plaintextLength }: Workload, encryptor: Duplex): Promise<void> {
  await pipeline(plaintextSource(plaintextLength), encryptor, nowhere());
}

/** Where a long message comes from: memory, or the path of a file for a process that is not to hold it. */
export type MessageSource = Uint8Array | string;

/** Decrypts to a reader who keeps nothing. */
export async function decryptStream(source: MessageSource, decryptor: Duplex): Promise<void> {
  const message =
    typeof source === 'string'
      ? createReadStream(source, { highWaterMark: CHUNK_LENGTH })
      : chunked(source.length, (start) => source.subarray(start, start + CHUNK_LENGTH));
  await pipeline(message, decryptor, nowhere());
}

/** Writes the message that {@link decryptStream} reads to a file. */
export async function writeMessage(workload: Workload, path: string): Promise<void> {
  const { ours } = await import('./ours.ts');
  const source = plaintextSource(workload.plaintextLength);
  await pipeline(source, ours(workload).stream('encrypt'), createWriteStream(path));
}

/** A part of the plaintext of whole frames, and how many times it is in the whole. */
export function floorPieces({ plaintextLength }: Workload): {
  readonly piece: Uint8Array;
  readonly repeat: number;
} {
  return { piece: FLOOR_PIECE, repeat: plaintextLength / FLOOR_PIECE.length };
}

function plaintextSource(length: number): Readable {
  return chunked(length, () => CHUNK);
}

function chunked(length: number, chunkAt: (start: number) => Uint8Array): Readable {
  let start = 0;
  return new Readable({
    highWaterMark: CHUNK_LENGTH,
    read() {
      this.push(start < length ? chunkAt(start) : null);
      start += CHUNK_LENGTH;
    },
  });
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** As file streams have it. */
const CHUNK_LENGTH = 2 ** 16;
const CHUNK = new Uint8Array(CHUNK_LENGTH).fill(7);
const FLOOR_PIECE = new Uint8Array(2 ** 20).fill(7);
