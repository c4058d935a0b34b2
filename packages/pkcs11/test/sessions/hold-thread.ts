// The program of a thread: it holds the first session handle, and closes it when it may, or is told to end.
import { parentPort } from 'node:worker_threads';
import { moduleMemory } from '../../src/library/module-memory.ts';

/** What the thread is sent: the memory of the module, with the word that lets it close the session; or that it is to end. */
export type HoldCall =
  | { readonly buffer: SharedArrayBuffer; readonly mayClose?: Int32Array<SharedArrayBuffer> }
  | { readonly end: true };

parentPort?.on('message', (call: HoldCall) => {
  if ('end' in call) {
    parentPort?.close();
    return;
  }
  const { buffer, mayClose } = call;
  const session = Buffer.alloc(8);
  session.writeUInt8(1);
  const held = moduleMemory(buffer).sessions.hold(session);
  if (mayClose === undefined) {
    parentPort?.postMessage('held', []);
    return;
  }
  held?.close(() => {
    parentPort?.postMessage('closing', []);
    Atomics.wait(mayClose, 0, 0);
    // Slow, so that the other thread is waiting by then.
    Atomics.wait(mayClose, 0, 1, SLOW_MS);
  });
});

const SLOW_MS = 50;
