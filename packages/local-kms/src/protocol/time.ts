/** A time as the AWS JSON protocol writes it: seconds since 1970 with a fraction. */
export function toTimestamp(time: Date): number {
  return time.getTime() / 1000;
}

/** How long ago `started`, a value of `performance.now()`, was: milliseconds, to the microsecond. */
export function millisecondsSince(started: number): number {
  return Math.round((performance.now() - started) * 1000) / 1000;
}
