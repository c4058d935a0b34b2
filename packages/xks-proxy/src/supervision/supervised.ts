import cluster from 'node:cluster';
import { SUPERVISION } from './supervisor.ts';

/** What a process under a supervisor has of it. */
export interface Supervised {
  /** Resolves when the supervisor wants the process to stop, or is gone. */
  readonly stopped: Promise<void>;
  /** Resolves to the settings that the supervisor has for its processes. */
  readonly settings: Promise<unknown>;
  /** Ends the signs of life, so that the process ends as soon as nothing else keeps it. */
  leave(): void;
}

/**
 * Gives a sign of life every second, as long as the event loop turns. Signals to stop that go to a whole group of
 * processes, as a terminal and systemd send them, are left to the supervisor, which gets them too. A SIGHUP that the
 * supervisor passes on has the effect of one that came to this process.
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
      if (process.connected) process.send?.(SUPERVISION.askSettings);
    }),
    leave() {
      clearInterval(alive);
      // When the channel ends in any other way, a process of a cluster ends at once, with status 0.
      if (process.connected) cluster.worker?.disconnect();
    },
  };
}

const INTERVAL_MS = 1000;
