import { createTable, type Table } from './state/table.ts';

/** Where the KMS takes its time from: key dates, waiting periods, rotation, expiry. */
export interface Clock {
  now(): Date;
}

/** A clock that can be moved forward from the time of this machine. */
export interface MovableClock extends Clock {
  /**
   * Throws RangeError unless `milliseconds` is from 0 up to a hundred years and the clock stays within a thousand years of
   * the time of this machine.
   */
  advance(milliseconds: number): void;
}

/** A clock that shows the time of this machine until it is moved. The one row of the table holds how far it was moved. */
export function movableClock(offsets: Table<number> = createTable()): MovableClock {
  let aheadMs = offsets.get(OFFSET_ID) ?? 0;
  return {
    now: () => new Date(Date.now() + aheadMs),
    advance(milliseconds) {
      if (!(milliseconds >= 0 && milliseconds <= MAX_ADVANCE_MS)) {
        throw new RangeError(`milliseconds: expected 0 to ${MAX_ADVANCE_MS}, not ${milliseconds}`);
      }
      if (aheadMs + milliseconds > MAX_AHEAD_MS) {
        throw new RangeError(`milliseconds: expected ${MAX_AHEAD_MS} at most with all moves before`);
      }
      aheadMs += milliseconds;
      offsets.set(OFFSET_ID, aheadMs);
    },
  };
}

/** The time so many days later. A day has 24 hours. */
export function daysAfter(time: Date, days: number): Date {
  return new Date(time.getTime() + days * DAY_MS);
}

/** How many days have passed from one time to a later one, rounded down. */
export function wholeDaysBetween(earlier: Date, later: Date): number {
  return Math.floor((later.getTime() - earlier.getTime()) / DAY_MS);
}

const OFFSET_ID = 'now';
const DAY_MS = 86_400_000;
// A hundred years at a time.
const MAX_ADVANCE_MS = 36_525 * DAY_MS;
// A thousand years in all: no test needs more, and every client can read the dates.
const MAX_AHEAD_MS = 10 * MAX_ADVANCE_MS;
