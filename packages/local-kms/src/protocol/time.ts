import { z } from 'zod';

/** A time in a request: seconds since 1970 with a fraction. */
export const timestamp = z
  .number()
  .min(0)
  .max(8_640_000_000_000)
  .transform((seconds) => new Date(Math.round(seconds * 1000)));

/** A time as the AWS JSON protocol writes it: seconds since 1970 with a fraction. */
export function toTimestamp(time: Date): number {
  return time.getTime() / 1000;
}

/** How long ago `started`, a value of `performance.now()`, was: milliseconds, to the microsecond. */
export function millisecondsSince(started: number): number {
  return Math.round((performance.now() - started) * 1000) / 1000;
}
