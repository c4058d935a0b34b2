import { concat, uint16 } from '../bytes.ts';
import type { Parser } from './cursor.ts';

/**
 * The footer of a signed message: the length of a DER signature, and the signature.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/data-format/message-footer.md
 */
export function writeFooter(signature: Uint8Array): Uint8Array {
  return concat([uint16(signature.length), signature]);
}

/** Reads the signature of a footer. */
export const readFooter: Parser<Uint8Array> = (cursor) => cursor.field();
