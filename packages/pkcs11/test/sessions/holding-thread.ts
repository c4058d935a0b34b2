import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import type { HoldCall } from './hold-thread.ts';

/** Starts a thread that holds the first session handle. Returns a function that ends the thread. */
export async function holdingThread(buffer: SharedArrayBuffer) {
  const thread = await threadWith({ buffer });
  return async () => {
    const end: HoldCall = { end: true };
    thread.postMessage(end, []);
    await once(thread, 'exit');
  };
}

/** Starts a thread that is closing the session with the first handle. Returns a function that lets it finish soon afterwards. */
export async function closingThread(buffer: SharedArrayBuffer) {
  const mayClose = new Int32Array(new SharedArrayBuffer(4));
  await threadWith({ buffer, mayClose });
  return () => {
    Atomics.store(mayClose, 0, 1);
    Atomics.notify(mayClose, 0);
  };
}

async function threadWith(call: HoldCall): Promise<Worker> {
  const thread = new Worker(new URL('./hold-thread.ts', import.meta.url));
  onTestFinished(async () => void (await thread.terminate()));
  thread.postMessage(call, []);
  await once(thread, 'message');
  return thread;
}
