import type { Clock } from '../clock.ts';

/** When the proxies of connected stores are asked for their health. */
export interface HealthSchedule {
  /** Whether it is time again; if so, the next time is one interval from now. */
  isDue(): boolean;
}

/** Due for the first time after one interval, however far the clock is moved. */
export function createHealthSchedule(clock: Clock, intervalMs: number): HealthSchedule {
  const after = (): number => clock.now().getTime() + intervalMs;
  let nextMs = after();
  return {
    isDue() {
      if (clock.now().getTime() < nextMs) return false;
      nextMs = after();
      return true;
    },
  };
}
