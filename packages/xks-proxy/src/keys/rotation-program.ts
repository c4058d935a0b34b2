// The program of a process that makes the next version of one key.
import { systemError } from '../files/system-error.ts';
import { XksProxyError } from '../proxy-error.ts';
import { rotateKey } from './rotate.ts';
import type { RotationNews, RotationOrder } from './rotation-process.ts';

// A signal often goes to a whole group of processes. This one ends soon by itself; stopped half-way it would leave a lock.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

process.once('message', (order: RotationOrder) => {
  void follow(order);
});

async function follow({ place, externalKeyId, expected }: RotationOrder): Promise<void> {
  tell(await rotateKey(place, externalKeyId, { expected, onTokensDone }).then(() => ROTATED, failureOf));
}

/** Waits for leave to change the file. If the parent is gone, none is needed: nothing would kill this process meanwhile. */
function onTokensDone(): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      process.off('message', goOn).off('disconnect', goOn);
      resolve();
    };
    process.on('message', goOn).on('disconnect', goOn);
    if (process.connected) tell({ event: 'tokens-done' });
    else goOn();
  });
}

function tell(news: RotationNews): void {
  // A message that cannot be sent has no receiver any more.
  if (process.connected) process.send?.(news, () => undefined);
}

function failureOf(thrown: unknown): RotationNews {
  const error = systemError(thrown);
  if (error instanceof XksProxyError) return { event: 'failed', code: error.code, message: error.message };
  throw error;
}

const ROTATED = { event: 'rotated' } as const satisfies RotationNews;
