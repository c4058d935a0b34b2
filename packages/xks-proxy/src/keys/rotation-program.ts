// The program of a process that makes the next version of one key.
import { XksProxyError } from '../proxy-error.ts';
import { rotateKey } from './rotate.ts';
import { ROTATION_TOKENS_MS, type RotationAnswer, type RotationOrder } from './rotation-process.ts';

// A signal often goes to a whole group of processes. This one is soon done; stopped half-way it would leave a lock.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

process.once('message', (order: RotationOrder) => {
  void answered(order);
});

async function answered({ place, externalKeyId, expected }: RotationOrder): Promise<void> {
  const answer = await rotateKey(place, externalKeyId, {
    expected,
    tokensTimeoutMs: ROTATION_TOKENS_MS,
  }).then((): RotationAnswer => ({}), failureOf);
  if (process.connected) process.send?.(answer);
}

function failureOf(error: unknown): RotationAnswer {
  if (error instanceof XksProxyError) return { failure: { code: error.code, message: error.message } };
  throw error;
}
