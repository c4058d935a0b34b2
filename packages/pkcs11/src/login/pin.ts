/**
 * Throws unless the PIN is a string: an error of Node.js would quote any other value.
 *
 * @throws TypeError
 */
export function assertPin(name: 'pin' | 'soPin', pin: string): void {
  if (typeof pin !== 'string') throw new TypeError(`${name}: expected a text`);
}
