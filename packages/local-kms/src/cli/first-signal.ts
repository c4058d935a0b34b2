/**
 * Resolves at the first SIGINT or SIGTERM. Those that come while what it ends has time to close are ignored: a terminal and
 * a supervisor may both send one, and an end in the middle leaves the lock of a state behind. After that the default is back,
 * and the next one ends the process at once.
 */
export function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      for (const signal of SIGNALS) process.off(signal, stop);
    };
    let closing: NodeJS.Timeout | undefined;
    const stop = (): void => {
      closing ??= setTimeout(giveUp, CLOSING_MS).unref();
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, stop);
  });
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const CLOSING_MS = 5_000;
