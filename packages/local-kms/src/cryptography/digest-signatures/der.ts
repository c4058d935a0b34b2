/** The DER of an ECDSA signature: a sequence of the two numbers (RFC 3279, section 2.2.3). */
export function encodeSignature(r: bigint, s: bigint): Uint8Array {
  return tagged(SEQUENCE, Buffer.concat([integer(r), integer(s)]));
}

/** Undoes `encodeSignature`; undefined for any other bytes than it makes. */
export function decodeSignature(bytes: Uint8Array): readonly [r: bigint, s: bigint] | undefined {
  const sequence = contentOf(SEQUENCE, bytes);
  const first = sequence && elementAtStart(sequence);
  if (!sequence || !first) return undefined;
  const [r, s] = [contentOf(INTEGER, first), contentOf(INTEGER, sequence.subarray(first.length))];
  if (!r?.length || !s?.length) return undefined;
  const signature = [numberOf(r), numberOf(s)] as const;
  // There is one spelling of two numbers: what does not come out again was another one.
  return Buffer.compare(encodeSignature(...signature), bytes) === 0 ? signature : undefined;
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  // Two's complement: a leading bit that is set would make it negative.
  return tagged(INTEGER, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function tagged(tag: number, content: Buffer): Buffer {
  // A signature has at most 139 bytes, so that a length takes one byte or, from 128 on, two.
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** The element that begins here, with its tag and length. */
function elementAtStart(bytes: Uint8Array): Uint8Array | undefined {
  const [, length] = bytes;
  return length === undefined || length > 0x7f ? undefined : bytes.subarray(0, 2 + length);
}

/** The content, if this is one element with the tag and nothing after it. */
function contentOf(tag: number, bytes: Uint8Array): Uint8Array | undefined {
  const [actualTag, first = 0, second = 0] = bytes;
  const [start, length] = first === 0x81 ? [3, second] : [2, first];
  return actualTag === tag && bytes.length === start + length ? bytes.subarray(start) : undefined;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
