import { constants } from 'node:os';

/** The signals that ask a process to end. */
export const END_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/**
 * Has these signals end this process by way of `exit`, whose handlers stop servers and remove folders: for a signal
 * without a listener, Node runs none of them. What it returns takes that back.
 */
export function leaveOnSignals(): () => void {
  const leave = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal]);
  for (const signal of END_SIGNALS) process.on(signal, leave);
  return () => {
    for (const signal of END_SIGNALS) process.off(signal, leave);
  };
}
