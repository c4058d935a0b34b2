import { isBytes } from '@holdfast/sdk/spi';
import { invalidAnswer } from '../key-service.ts';

/** The bytes of a member of an answer: clients hand on whatever else stands there, though their types say otherwise. */
export function answerBytes(value: unknown): Uint8Array | undefined {
  return isBytes(value) ? value : undefined;
}

/**
 * The ciphertext of an answer. Nobody could ever open an empty one.
 *
 * @throws KeyringError `KEY_SERVICE_ANSWER_INVALID`
 */
export function answerCiphertext(value: unknown): Uint8Array {
  const ciphertext = answerBytes(value);
  if (ciphertext === undefined || ciphertext.length === 0) throw invalidAnswer('AWS KMS', 'no ciphertext');
  return ciphertext;
}
