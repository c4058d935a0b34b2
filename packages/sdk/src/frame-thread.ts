// The program of a thread: seals and opens batches of frames, one batch at a time.
import { parentPort } from 'node:worker_threads';
import { aesGcmKeyOf, unsafeBytes } from './crypto/node-aes.ts';
import { BodyDecryptor } from './decrypt-body.ts';
import { EncryptionSdkError } from './errors.ts';
import {
  FRAME_OVERHEAD,
  FrameBinding,
  IV_LENGTH,
  TAG_LENGTH,
  writeFrameHead,
  writeIv,
} from './format/body.ts';
import { Input } from './format/input.ts';
import { Parts } from './parts.ts';
import type { FrameBatch, FrameBatchReply } from './workers/frame-batch.ts';

parentPort?.on('message', (batch: FrameBatch) => {
  void work(batch);
});

async function work(batch: FrameBatch): Promise<void> {
  try {
    const result = ownMemory(await (batch.kind === 'seal' ? seal(batch) : open(batch)));
    send({ result, spent: batch.bytes }, [result.buffer, batch.bytes.buffer]);
  } catch (error) {
    if (!(error instanceof EncryptionSdkError)) return die(error);
    const { code, message } = error;
    send({ failure: { code, message } }, []);
  }
}

/**
 * Ends the thread on a bug of ours, so that the waiting caller hears of it. Thrown in a microtask, because Node can be
 * told to ignore unhandled rejections.
 */
function die(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function send(reply: FrameBatchReply, transferred: ArrayBuffer[]): void {
  parentPort?.postMessage(reply, transferred);
}

async function seal({ key, format, sequenceNumber: first, bytes }: FrameBatch): Promise<Uint8Array> {
  const { messageId, frameLength } = format;
  const contentKey = aesGcmKeyOf(key);
  const binding = new FrameBinding(messageId);
  const iv = new Uint8Array(IV_LENGTH);
  const frames = bytes.length / frameLength;
  const out = unsafeBytes(frames * (frameLength + FRAME_OVERHEAD.regular));
  let offset = 0;
  for (let frame = 0; frame < frames; frame++) {
    const sequenceNumber = first + frame;
    writeIv(iv, sequenceNumber);
    const content = writeFrameHead(out, offset, 'regular', sequenceNumber, iv, frameLength);
    const plaintext = bytes.subarray(frame * frameLength, (frame + 1) * frameLength);
    const aad = binding.aad('regular', sequenceNumber, frameLength);
    await contentKey.seal(iv, aad, plaintext, out, content);
    offset = content + frameLength + TAG_LENGTH;
  }
  bytes.fill(0);
  return out;
}

async function open({ key, format, sequenceNumber, bytes }: FrameBatch): Promise<Uint8Array> {
  const input = new Input();
  input.push(bytes);
  const out = new Parts(unsafeBytes, true);
  try {
    await new BodyDecryptor(format, aesGcmKeyOf(key), undefined, sequenceNumber).read(input, out);
  } catch (error) {
    out.wipe();
    throw error;
  }
  return out.join();
}

/** Bytes that own all of their buffer, as a transfer needs: the same memory if possible. */
function ownMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
    ? new Uint8Array(buffer)
    : Uint8Array.from(bytes);
}
