/**
 * Does work once the clock of the machine says that it is time, however far off that is, and keeps no process alive for
 * it. Returns how to call it off.
 */
export function atInstant(instantMs: number, work: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const waitMs = instantMs - Date.now();
    if (waitMs <= 0) return work();
    timer = setTimeout(look, Math.min(waitMs, LOOK_MS)).unref();
  };
  look();
  return () => clearTimeout(timer);
}

// A clock may be set meanwhile, and a timer takes 25 days at most.
const LOOK_MS = 60_000;
