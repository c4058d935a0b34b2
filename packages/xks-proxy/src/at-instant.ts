/**
 * Does work once the clock of the machine has reached an instant, however far off, without keeping the process alive.
 *
 * @returns cancels it
 */
export function atInstant(instantMs: number, work: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    const waitMs = instantMs - Date.now();
    if (waitMs <= 0) return work();
    timer = setTimeout(check, Math.min(waitMs, MAX_WAIT_MS)).unref();
  };
  check();
  return () => clearTimeout(timer);
}

// The clock may be set meanwhile, and a timer takes 25 days at most.
const MAX_WAIT_MS = 60_000;
