import type { IncomingMessage } from 'node:http';
import { XksException } from '../xks-exception.ts';

/**
 * Reads a request's body into one buffer of known size: its declared length, or the maximum when the
 * body is chunked. Nothing past the maximum is ever held, whoever sends it.
 * Throws `UnsupportedOperationException` above the maximum and `ValidationException` for a body that
 * ends early or declares its length in two ways. The caller owns the buffer, and wipes it.
 */
export function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const declared = incoming.headers['content-length'];
    const chunked = incoming.headers['transfer-encoding'] !== undefined;
    // Two lengths are how request smuggling starts; Node refuses them too, unless told to be lenient.
    if (declared !== undefined && chunked) return reject(truncated());
    const capacity = chunked ? maxBytes : Number(declared ?? 0);
    if (!(capacity <= maxBytes)) return reject(tooLarge());

    const body = Buffer.allocUnsafeSlow(capacity);
    let used = 0;
    let isSettled = false;
    const fail = (exception: () => XksException): void => {
      if (isSettled) return;
      isSettled = true;
      incoming.pause();
      body.fill(0);
      reject(exception());
    };
    // Listeners stay: that of errors has to, since an aborted socket may report its own when all is settled.
    const onBroken = (): void => fail(truncated);
    incoming.on('data', (chunk: Buffer) => {
      if (isSettled) return;
      if (used + chunk.length > capacity) fail(tooLarge);
      else used += chunk.copy(body, used);
    });
    incoming.on('end', () => {
      if (isSettled) return;
      isSettled = true;
      resolve(body.subarray(0, used));
    });
    incoming.on('close', onBroken).on('error', onBroken);
  });
}

/**
 * Lets a body pass that is not wanted, if it declares a length of `maxBytes` at most. Any other is not waited for, and its
 * connection ends with the answer: in chunks of a byte a body would cost many times its length.
 */
export function discardBody(incoming: IncomingMessage, maxBytes: number): Promise<void> {
  const { 'content-length': declared = '0', 'transfer-encoding': encoding } = incoming.headers;
  return new Promise((resolve) => {
    if (encoding !== undefined || Number(declared) > maxBytes) return resolve();
    const settle = (): void => {
      incoming.off('end', settle).off('close', settle).off('error', settle).on('error', ignore);
      resolve();
    };
    incoming.on('end', settle).on('close', settle).on('error', settle).resume();
  });
}

const tooLarge = () =>
  new XksException('UnsupportedOperationException', 'The request is larger than this proxy supports.');
const truncated = () => new XksException('ValidationException', 'The request body is incomplete.');
// An aborted socket may report its error after the request was settled.
const ignore = (): void => undefined;
