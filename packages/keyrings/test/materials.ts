import { runInNewContext } from 'node:vm';
import {
  type AlgorithmSuiteId,
  type DecryptionMaterials,
  type EncryptedDataKey,
  type EncryptionContext,
  type EncryptionMaterials,
  isBytes,
  suiteById,
} from '@holdfast/sdk/spi';
import { KeyringError } from '../src/internal/errors.ts';

/** What a test may choose about materials; the rest is of no interest to a keyring. */
export interface MaterialsOptions {
  readonly suite?: AlgorithmSuiteId;
  readonly encryptionContext?: EncryptionContext;
}

/** One suite for each length of data key. */
export const suiteOfDataKeyLength = { 16: 0x0014, 24: 0x0146, 32: 0x0478 } as const;

/** Materials as a client hands them to a keyring on encrypt. They are frozen, at every depth. */
export function encryptionMaterials(options: MaterialsOptions = {}): EncryptionMaterials {
  return Object.freeze({ ...decryptionMaterials(options), encryptedDataKeys: Object.freeze([]) });
}

/** Materials as a client hands them to a keyring on decrypt. They are frozen, at every depth. */
export function decryptionMaterials(options: MaterialsOptions = {}): DecryptionMaterials {
  const { suite: id = 0x0478, encryptionContext = { tenant: '42', 'Größe €': '𐐷 \u{1f511}', B: '', a: '' } } =
    options;
  const suite = suiteById(id);
  if (suite === undefined) throw new Error('no such suite');
  return Object.freeze({
    suite,
    encryptionContext: Object.freeze({ ...encryptionContext }),
    requiredEncryptionContextKeys: Object.freeze([]),
  });
}

/** The one encrypted data key that a keyring with one key makes. */
export function only(keys: readonly EncryptedDataKey[]): EncryptedDataKey {
  const [key, ...others] = keys;
  if (key === undefined || others.length > 0) throw new Error('expected one encrypted data key');
  return key;
}

/** The error with which a call of a keyring fails. Anything but a `KeyringError` fails the test. */
export async function keyringError(call: Promise<unknown>): Promise<KeyringError> {
  const outcome = await call.then(
    () => 'a success',
    (error: unknown) => error,
  );
  if (outcome instanceof KeyringError) return outcome;
  throw new Error('expected a KeyringError', { cause: outcome });
}

/** The errors at the root of a failure: one for everything that was tried. */
export function rootCauses(error: unknown): unknown[] {
  if (error instanceof AggregateError) return error.errors.flatMap(rootCauses);
  return error instanceof Error && error.cause !== undefined ? rootCauses(error.cause) : [error];
}

/** The same bytes of another realm, as of a test environment or a frame, where `instanceof` does not know them. */
export function foreignBytes(bytes: Uint8Array): Uint8Array {
  const foreign: unknown = runInNewContext('Uint8Array.from(bytes)', { bytes });
  if (foreign instanceof Uint8Array || !isBytes(foreign)) throw new Error('expected bytes of another realm');
  return foreign;
}
