import { isBytes } from '@holdfast/sdk/spi';
import { invalidAnswer } from '../key-service.ts';

/** Returns the bytes of a member of an answer: clients pass on any other value too, though their types say otherwise. */
export function answerBytes(value: unknown): Uint8Array | undefined {
  return isBytes(value) ? value : undefined;
}

/**
 * Returns the ciphertext of an answer. An empty one could never be opened.
 *
 * @throws KeyringError `KEY_SERVICE_ANSWER_INVALID`
 */
export function answerCiphertext(value: unknown): Uint8Array {
  const ciphertext = answerBytes(value);
  if (ciphertext === undefined || ciphertext.length === 0) throw invalidAnswer('AWS KMS', 'no ciphertext');
  return ciphertext;
}
