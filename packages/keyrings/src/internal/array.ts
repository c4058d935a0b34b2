/**
 * @param option that has the value, for the error
 * @throws TypeError for anything but an array
 */
export function assertArray(option: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(`${option}: expected an array`);
}
