/**
 * The few DER types that a certificate is made of (ITU-T X.690), written and never read. Every function returns
 * one complete tag-length-value element, so that elements nest by passing one to another.
 */
export const der = {
  sequence: (...elements: Uint8Array[]) => element(0x30, ...elements),
  set: (...elements: Uint8Array[]) => element(0x31, ...elements),
  boolean: (value: boolean) => element(0x01, Uint8Array.of(value ? 0xff : 0x00)),
  /** A non-negative integer from its big-endian bytes, which may start with zeros. */
  unsigned: (bytes: Uint8Array) => {
    const significant = bytes.subarray(
      Math.max(
        0,
        bytes.findIndex((byte) => byte !== 0),
      ),
    );
    // A leading bit that is set would make the number negative.
    return element(0x02, Uint8Array.of(...((significant[0] ?? 0) > 0x7f ? [0] : [])), significant);
  },
  /** A bit string; `unusedBits` of its last byte do not count. */
  bitString: (bytes: Uint8Array, unusedBits = 0) => element(0x03, Uint8Array.of(unusedBits), bytes),
  octetString: (bytes: Uint8Array) => element(0x04, bytes),
  /** An object identifier in dotted form. */
  oid: (dotted: string) => {
    const [root = 0, branch = 0, ...rest] = dotted.split('.').map(Number);
    return element(0x06, Uint8Array.from([root * 40 + branch, ...rest].flatMap(base128)));
  },
  utf8String: (text: string) => element(0x0c, Buffer.from(text, 'utf8')),
  /** A moment to the second: UTCTime until the end of 2049 and GeneralizedTime after it (RFC 5280 §4.1.2.5). */
  time: (moment: Date) => {
    const digits = moment.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '');
    return moment.getUTCFullYear() < 2050
      ? element(0x17, Buffer.from(digits.slice(2), 'latin1'))
      : element(0x18, Buffer.from(digits, 'latin1'));
  },
  /** A context-specific element that wraps complete elements: `[tag] EXPLICIT`, or `IMPLICIT` of a SEQUENCE. */
  constructed: (tag: number, ...elements: Uint8Array[]) => element(0xa0 | tag, ...elements),
  /** A context-specific element with bare content: `[tag] IMPLICIT` of a string type. */
  primitive: (tag: number, content: Uint8Array) => element(0x80 | tag, content),
};

function element(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const length = content.length < 0x80 ? [content.length] : longLength(content.length);
  return Buffer.concat([Uint8Array.of(tag, ...length), content]);
}

function longLength(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 | (rest % 128));
  }
  return digits;
}
