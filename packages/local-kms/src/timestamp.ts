/** A time as the AWS JSON protocol writes it: seconds since 1970 with a fraction. */
export function toTimestamp(time: Date): number {
  return time.getTime() / 1000;
}
