import cluster from 'node:cluster';
import { SUPERVISION } from './supervisor.ts';

/** The side of a process that has a supervisor. */
export interface Supervised {
  /** Resolves when the supervisor wants the process to stop, or is gone. */
  readonly stopped: Promise<void>;
  /** Resolves to the settings that the supervisor has for its processes. */
  readonly settings: Promise<unknown>;
  /** No more signs of life: the process ends as soon as nothing else keeps it. */
  leave(): void;
}

/**
 * Gives a sign of life every second, as long as the event loop turns. Signals to stop that go to a whole group of
 * processes, as a terminal and systemd send them, are left to the supervisor, which gets them too. What the supervisor
 * passes on of SIGHUP is as if it had come here.
 */
export function joinSupervisor(): Supervised {
  const alive = setInterval(() => {
    if (process.connected) process.send?.(SUPERVISION.alive);
  }, INTERVAL_MS);
  const ignore = (): void => undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, ignore);
  return {
    stopped: new Promise((resolve) => {
      process.on('message', (message: unknown) => {
        if (message === SUPERVISION.stop) resolve();
        if (message === SUPERVISION.hangUp) process.emit('SIGHUP', 'SIGHUP');
      });
      process.once('disconnect', () => resolve());
    }),
    settings: new Promise((resolve) => {
      process.on('message', (message: unknown) => {
        if (typeof message === 'object' && message !== null && 'settings' in message)
          resolve(message.settings);
      });
      process.send?.(SUPERVISION.askSettings);
    }),
    leave() {
      clearInterval(alive);
      // Any other end of the channel ends a process of a cluster at once, with 0.
      if (process.connected) cluster.worker?.disconnect();
    },
  };
}

const INTERVAL_MS = 1000;
