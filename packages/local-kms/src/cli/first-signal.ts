/**
 * Resolves at the first SIGINT or SIGTERM. Further signals are ignored for five seconds, in which the process closes what is
 * open: a terminal and a supervisor may both send one, and an end in the middle leaves the lock of a state behind. After
 * that, the next signal ends the process at once, as is the default.
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
