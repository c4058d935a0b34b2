/** A comparison that did not hold: what `npm start` exits 1 for. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

/** @throws Mismatch that names what differs, and never shows a byte of it */
export function expectSameBytes(what: string, actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  throw new Mismatch(`${what}: ${actual.length} bytes that are not the ${expected.length} bytes of the file`);
}

/** @throws Mismatch that names the first key whose value is missing or different */
export function expectContext(
  what: string,
  actual: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries(expected)) {
    if (actual[key] !== value) throw new Mismatch(`${what}: the encryption context has another "${key}"`);
  }
}
