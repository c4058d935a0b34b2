import { Pkcs11Error } from '@holdfast/pkcs11';
import { integrityValue } from '../integrity-value.ts';
import { tokenException } from './failures.ts';
import type { CheckedEncryptInput, CheckedSealed, Sealed } from './key-device.ts';

/** The two calls to the token. */
interface SealAndOpen {
  readonly seal: () => Promise<Sealed>;
  readonly open: (sealed: Sealed) => Promise<Uint8Array>;
}

/**
 * Seals, computes the integrity value, and only then opens the ciphertext: a bit that flips after that disagrees with the
 * value (XKS API v1, Appendix C). A token that does not open its own ciphertext, or opens it to another plaintext, has failed.
 */
export async function encryptedAndChecked(
  { seal, open }: SealAndOpen,
  { additionalAuthenticatedData, ciphertextMetadata, plaintext }: CheckedEncryptInput,
): Promise<CheckedSealed> {
  const sealed = await seal();
  const value = integrityValue({ additionalAuthenticatedData, ciphertextMetadata, ...sealed });
  const opened = await open(sealed).catch(rejectWrong);
  const isIntact = Buffer.compare(opened, plaintext) === 0;
  opened.fill(0);
  if (!isIntact) throw wrongCiphertext();
  return { ...sealed, integrityValue: value };
}

function rejectWrong(error: unknown): never {
  // The ciphertext is the token's own: a refusal is its failure, and not that of a caller.
  if (tokenException(error).errorName === 'InvalidCiphertextException') throw wrongCiphertext(error);
  throw error;
}

const wrongCiphertext = (cause?: unknown) =>
  tokenException(new Pkcs11Error('DEVICE_ERROR', 'the token returned a wrong ciphertext', { cause }));
