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
import type { FrameRun, FrameRunAnswer } from './workers/frame-run.ts';

parentPort?.on('message', (run: FrameRun) => {
  void answer(run);
});

async function answer(run: FrameRun): Promise<void> {
  try {
    const result = ownMemory(await (run.kind === 'seal' ? sealed(run) : opened(run)));
    send({ result, spent: run.bytes }, [result.buffer, run.bytes.buffer]);
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

function send(answer: FrameRunAnswer, handedOver: ArrayBuffer[]): void {
  parentPort?.postMessage(answer, handedOver);
}

async function sealed({ key, format, sequenceNumber: first, bytes }: FrameRun): Promise<Uint8Array> {
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

async function opened({ key, format, sequenceNumber, bytes }: FrameRun): Promise<Uint8Array> {
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
