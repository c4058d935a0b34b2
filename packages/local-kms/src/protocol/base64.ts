import { z } from 'zod';

/** A JSON string that is the one standard base64 spelling of `min` to `max` bytes, read as these bytes. */
export function base64(min: number, max: number) {
  return z.string().transform((text, context): Uint8Array => {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') !== text) {
      context.addIssue({ code: 'custom', message: 'must be base64', params: NOT_BASE64 });
      return z.NEVER;
    }
    if (bytes.length < min || bytes.length > max) {
      context.addIssue({ code: 'custom', message: `must hold ${min} to ${max} bytes` });
      return z.NEVER;
    }
    return bytes;
  });
}

/** The bytes in standard base64. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

/** Marks the issue of a string that is not base64 at all: to the API that is no value of the wrong size. */
export const NOT_BASE64 = { malformed: true } as const;
