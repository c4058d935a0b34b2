import { hash } from 'node:crypto';

/** The head of a request as it was received, before anything in it is interpreted. */
export interface RequestHead {
  readonly method: string;
  /** The raw request target; already known to be a plain path without a query. */
  readonly path: string;
  /** Alternating names and values, as in `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[];
}

/** Lower-case hexadecimal SHA-256 of the canonical request (XKS API v1, Appendix A, task 1). */
export function canonicalRequestHash(
  request: { method: string; path: string; bodyHash: string },
  signedHeaders: readonly string[],
  headers: ReadonlyMap<string, string>,
): string {
  const lines = signedHeaders.map((name) => `${name}:${canonicalValue(headers.get(name) ?? '')}\n`);
  const text = `${request.method}\n${request.path}\n\n${lines.join('')}\n${signedHeaders.join(';')}\n${request.bodyHash}`;
  // Node reads header bytes as latin1; the same encoding gives the bytes back.
  return hash('sha256', Buffer.from(text, 'latin1'), 'hex');
}

/** Lower-case hexadecimal SHA-256 of a body. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

// Node has removed white space at both ends.
const canonicalValue = (value: string) => (value.includes('  ') ? value.replaceAll(/ +/g, ' ') : value);
