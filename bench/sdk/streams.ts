import { createReadStream, createWriteStream } from 'node:fs';
import { type Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ours } from './ours.ts';
import type { Workload } from './side.ts';

/** Encrypts plaintext that comes out of nowhere to a reader who keeps nothing. */
export async function encryptStream({ plaintextLength }: Workload, encryptor: Duplex): Promise<void> {
  await pipeline(plaintextSource(plaintextLength), encryptor, nowhere());
}

/** Decrypts a file to a reader who keeps nothing. */
export async function decryptStream(messagePath: string, decryptor: Duplex): Promise<void> {
  await pipeline(createReadStream(messagePath, { highWaterMark: CHUNK_LENGTH }), decryptor, nowhere());
}

/** Writes the message that {@link decryptStream} reads. */
export async function writeMessage(workload: Workload, path: string): Promise<void> {
  const source = plaintextSource(workload.plaintextLength);
  await pipeline(source, ours(workload).stream('encrypt'), createWriteStream(path));
}

/** A part of the plaintext of whole frames, and how many times it is in the whole. */
export function floorPieces({ plaintextLength }: Workload): {
  readonly piece: Uint8Array;
  readonly repeat: number;
} {
  const piece = new Uint8Array(FLOOR_PIECE_LENGTH).fill(7);
  return { piece, repeat: plaintextLength / FLOOR_PIECE_LENGTH };
}

function plaintextSource(length: number): Readable {
  let left = length;
  return new Readable({
    highWaterMark: CHUNK_LENGTH,
    read() {
      this.push(left > 0 ? CHUNK : null);
      left -= CHUNK_LENGTH;
    },
  });
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** As file streams have it. */
const CHUNK_LENGTH = 2 ** 16;
const CHUNK = new Uint8Array(CHUNK_LENGTH).fill(7);
const FLOOR_PIECE_LENGTH = 2 ** 20;
