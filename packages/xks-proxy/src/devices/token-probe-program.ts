// The program of a process that opens a token, and closes it again.
import { Worker } from 'node:worker_threads';
import { openModule } from '@holdfast/pkcs11';
import { failureOf, type ThreadFailure, type ThreadSettings } from './threads/messages.ts';

/** The token to open. */
export type ProbeRequest = Pick<ThreadSettings, 'module' | 'selector' | 'pin'>;

/** Empty when the token could be opened and closed. */
export interface ProbeResult {
  readonly failure?: ThreadFailure;
}

// A call into the module may keep this thread for ever, and the parent that would end the process may have died by then.
const MAX_LIFE_MS = 15_000;
const WATCH_INTERVAL_MS = 250;
const watchdog = `
  const end = () => process.kill(process.pid, 'SIGKILL');
  setTimeout(end, ${MAX_LIFE_MS});
  setInterval(() => process.ppid === ${process.ppid} || end(), ${WATCH_INTERVAL_MS});`;
new Worker(watchdog, { eval: true, execArgv: [] }).unref();

// A signal often goes to a whole group of processes. This one soon ends by itself, and the parent waits for its result.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);

process.once('message', ({ module: path, selector, pin }: ProbeRequest) => {
  try {
    const module = openModule({ path });
    module.openToken({ ...selector, pin, maxSessions: 1 });
    module.close();
    send({});
  } catch (error) {
    // The module is not closed: it might hang there, and the parent would never learn that a PIN was refused.
    send({ failure: failureOf(error) });
  }
});

function send(result: ProbeResult): void {
  if (process.connected) process.send?.(result);
}
