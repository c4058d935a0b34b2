import { decodeBase64, encodeBase64, generateSigningKey, verificationKey } from '#crypto';
import { assertMayDecrypt, assertMayEncrypt, defaultSuite } from '../commitment-policy.ts';
import { canonicalBytes, type EncryptionContext, mergeContexts, PUBLIC_KEY_CONTEXT_KEY } from '../context.ts';
import type { VerificationKey } from '../crypto/provider.ts';
import { decryptionFailed, EncryptionSdkError } from '../errors.ts';
import type { Keyring } from '../keyring.ts';
import type { DecryptionMaterials, EncryptionMaterials } from '../materials.ts';
import type { AlgorithmSuite } from '../suites.ts';
import type {
  CryptographicMaterialsManager,
  DecryptionMaterialsManager,
  DecryptionMaterialsRequest,
  EncryptionMaterialsRequest,
} from './cmm.ts';

/**
 * The CMM that a client puts around a keyring: the policy's default suite, a fresh signing key for each
 * message of a signing suite, and no caching.
 *
 * @throws TypeError for anything but a keyring
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/default-cmm.md
 */
export function defaultCmm(keyring: Keyring): CryptographicMaterialsManager {
  if (typeof keyring?.onEncrypt !== 'function') throw new TypeError('keyring: expected a keyring');
  return {
    encryptionMaterials: (request) => encryptionMaterials(keyring, request),
    decryptionMaterials: (request) => decryptionMaterials(keyring, request),
  };
}

/** The part of the default CMM that decrypts. */
export function defaultDecryption(keyring: Keyring): DecryptionMaterialsManager {
  return { decryptionMaterials: (request) => decryptionMaterials(keyring, request) };
}

async function encryptionMaterials(
  keyring: Keyring,
  request: EncryptionMaterialsRequest,
): Promise<EncryptionMaterials> {
  const suite = request.suite ?? defaultSuite(request.commitmentPolicy);
  assertMayEncrypt(request.commitmentPolicy, suite);
  if (Object.hasOwn(request.encryptionContext, PUBLIC_KEY_CONTEXT_KEY)) {
    throw new EncryptionSdkError('ENCRYPTION_CONTEXT_INVALID', `${PUBLIC_KEY_CONTEXT_KEY} is reserved`);
  }
  const unsigned = {
    suite,
    encryptionContext: request.encryptionContext,
    requiredEncryptionContextKeys: request.requiredEncryptionContextKeys,
    encryptedDataKeys: [],
  };
  const materials =
    suite.signature === undefined ? unsigned : await withSigningKey(unsigned, suite.signature);
  // The public key may have made the context too long, which is not a failure of the keyring.
  canonicalBytes(materials.encryptionContext);
  try {
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(materials);
    // Not a spread: `...materials` with more fields after it takes engines ten times as long.
    return Object.assign({}, materials, { encryptedDataKeys }, dataKey && { dataKey });
  } catch (cause) {
    throw new EncryptionSdkError('KEYRING_FAILED', 'the keyring could not provide a data key', { cause });
  }
}

async function withSigningKey(
  materials: EncryptionMaterials,
  signature: NonNullable<AlgorithmSuite['signature']>,
): Promise<EncryptionMaterials> {
  const signingKey = await generateSigningKey(signature.curve, signature.hash);
  const publicKey = { [PUBLIC_KEY_CONTEXT_KEY]: encodeBase64(signingKey.publicKey) };
  return {
    ...materials,
    encryptionContext: mergeContexts(materials.encryptionContext, publicKey),
    signingKey,
  };
}

async function decryptionMaterials(
  keyring: Keyring,
  request: DecryptionMaterialsRequest,
): Promise<DecryptionMaterials> {
  const { suite, encryptionContext: stored, reproducedEncryptionContext: reproduced } = request;
  assertMayDecrypt(request.commitmentPolicy, suite);
  const encryptionContext = mergeContexts(stored, reproduced);
  // Messages of such a suite never have a public key.
  if (suite.signature === undefined && Object.hasOwn(encryptionContext, PUBLIC_KEY_CONTEXT_KEY)) {
    throw decryptionFailed();
  }
  const publicKey = suite.signature && (await storedVerificationKey(suite.signature, stored));
  for (const [key, value] of Object.entries(reproduced)) {
    if (Object.hasOwn(stored, key) && stored[key] !== value) {
      throw new EncryptionSdkError(
        'ENCRYPTION_CONTEXT_MISMATCH',
        'the message has another encryption context',
      );
    }
  }
  const materials = {
    suite,
    encryptionContext,
    // Pairs that only the caller gave were authenticated without being stored, or decryption will fail.
    requiredEncryptionContextKeys: Object.keys(reproduced).filter((key) => !Object.hasOwn(stored, key)),
    ...(publicKey && { verificationKey: publicKey }),
  };
  try {
    const { dataKey } = await keyring.onDecrypt(materials, request.encryptedDataKeys);
    if (dataKey) return { dataKey, ...materials };
  } catch (cause) {
    throw decryptionFailed({ cause });
  }
  throw decryptionFailed();
}

/** The verification key from the header of a signed message: a header without one is forged. */
async function storedVerificationKey(
  { curve, hash }: NonNullable<AlgorithmSuite['signature']>,
  stored: EncryptionContext,
): Promise<VerificationKey> {
  const point = decodeBase64(stored[PUBLIC_KEY_CONTEXT_KEY] ?? '');
  const key = point && (await verificationKey(curve, hash, point));
  if (key === undefined) throw decryptionFailed();
  return key;
}
