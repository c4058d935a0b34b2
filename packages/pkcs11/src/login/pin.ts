/**
 * Takes nothing but a text for a PIN: whatever else would be named in an error of Node's.
 *
 * @throws TypeError
 */
export function assertPin(name: 'pin' | 'soPin', pin: string): void {
  if (typeof pin !== 'string') throw new TypeError(`${name}: expected a text`);
}
