// The program of a process that opens a token, and closes it again.
import { Worker } from 'node:worker_threads';
import { openModule } from '@holdfast/pkcs11';
import { failureOf, type ThreadFailure, type ThreadSettings } from './threads/messages.ts';

/** Which token. */
export type ScoutOrder = Pick<ThreadSettings, 'module' | 'selector' | 'pin'>;

/** What came of it. */
export interface ScoutAnswer {
  readonly failure?: ThreadFailure;
}

// The module may keep this thread for ever, and whoever would end the process may be gone by then.
const MAX_LIFE_MS = 15_000;
const WATCH_INTERVAL_MS = 250;
const deathbed = `
  const end = () => process.kill(process.pid, 'SIGKILL');
  setTimeout(end, ${MAX_LIFE_MS});
  setInterval(() => process.ppid === ${process.ppid} || end(), ${WATCH_INTERVAL_MS});`;
new Worker(deathbed, { eval: true, execArgv: [] }).unref();

// A signal often goes to a whole group of processes. This one is soon done, and is waited for.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

process.once('message', ({ module: path, selector, pin }: ScoutOrder) => {
  try {
    const module = openModule({ path });
    module.openToken({ ...selector, pin, maxSessions: 1 });
    module.close();
    tell({});
  } catch (error) {
    // And the module is left as it is: it might keep to itself for ever that a PIN was refused.
    tell({ failure: failureOf(error) });
  }
});

function tell(answer: ScoutAnswer): void {
  if (process.connected) process.send?.(answer);
}
