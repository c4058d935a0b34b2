import type { CryptographicMaterialsManager } from './cmm.ts';
import {
  assertMayEncrypt,
  type CommitmentPolicy,
  isCommitmentPolicy,
  knownSuite,
} from './commitment-policy.ts';
import { assertNoReservedKeys, copyContext, type EncryptionContext } from './context.ts';
import { MessageDecryptor } from './decrypt.ts';
import { defaultCmm } from './default-cmm.ts';
import { startEncryption } from './encrypt.ts';
import { EncryptionSdkError } from './errors.ts';
import { maxUint32 } from './format/body.ts';
import { assertEncryptedDataKeyCount, type MessageHeader } from './format/header.ts';
import type { Keyring } from './keyring.ts';
import type { AlgorithmSuite, AlgorithmSuiteId } from './suites.ts';

/** Options of {@link encryptionClient}. */
export interface EncryptionClientOptions {
  /** Default `REQUIRE_ENCRYPT_REQUIRE_DECRYPT`. */
  readonly commitmentPolicy?: CommitmentPolicy;
  /**
   * Most encrypted data keys a message may have, for encrypt and for decrypt: each one may cost a call to a
   * key service. Default 64; `Infinity` switches the limit off.
   */
  readonly maxEncryptedDataKeys?: number;
}

/** What provides the materials: a keyring, or a CMM around one. */
export type MaterialsSource =
  | { readonly keyring: Keyring; readonly cmm?: never }
  | { readonly cmm: CryptographicMaterialsManager; readonly keyring?: never };

/** Options of {@link EncryptionClient.encrypt}. */
export type EncryptOptions = MaterialsSource & {
  /** Pairs to authenticate with the message; they are stored in it, readable by anyone. Default none. */
  readonly encryptionContext?: EncryptionContext;
  /** Default: the best suite that the commitment policy allows. */
  readonly suite?: AlgorithmSuiteId;
  /** Bytes of plaintext in a frame, 1 to 2^32 - 1. Default 4096. */
  readonly frameLength?: number;
  /** Ends the wait for materials that a CMM is loading for others too. */
  readonly signal?: AbortSignal;
};

/** Options of {@link EncryptionClient.decrypt}. */
export type DecryptOptions = MaterialsSource & {
  /** Pairs that the message must have been authenticated with, whether it stores them or not. Default none. */
  readonly encryptionContext?: EncryptionContext;
  /** Ends the wait for materials that a CMM is loading for others too. */
  readonly signal?: AbortSignal;
};

/** A message and what it was written with. */
export interface EncryptResult {
  readonly message: Uint8Array;
  /** The whole context, with what the library and the CMM added. */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** An authenticated plaintext and what it was written with. */
export interface DecryptResult {
  readonly plaintext: Uint8Array;
  /** The whole authenticated context, with what the library added, the pairs of the message's own among it. */
  readonly encryptionContext: EncryptionContext;
  readonly suite: AlgorithmSuite;
  readonly header: MessageHeader;
}

/** Encrypts and decrypts messages of the AWS Encryption SDK under one policy. */
export interface EncryptionClient {
  readonly commitmentPolicy: CommitmentPolicy;
  readonly maxEncryptedDataKeys: number;
  /**
   * A framed message for `plaintext`.
   *
   * Rejects with `TypeError` or `RangeError` for wrong arguments, with `EncryptionSdkError`
   * `COMMITMENT_POLICY_VIOLATED`, `ENCRYPTION_CONTEXT_INVALID`, `FRAME_LIMIT_EXCEEDED`, `KEYRING_FAILED`,
   * `MATERIALS_INVALID` or `TOO_MANY_ENCRYPTED_DATA_KEYS`.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/encrypt.md
   */
  encrypt(plaintext: Uint8Array, options: EncryptOptions): Promise<EncryptResult>;
  /**
   * The plaintext of a whole message. Nothing is released before the last tag, and the signature of a signed
   * message, have verified.
   *
   * Rejects with `TypeError` for wrong arguments, with `EncryptionSdkError` of any code but those of encrypt alone.
   *
   * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/client-apis/decrypt.md
   */
  decrypt(message: Uint8Array, options: DecryptOptions): Promise<DecryptResult>;
}

/**
 * The entry point: a client with a commitment policy and limits that do not change.
 *
 * @throws TypeError for an unknown policy
 * @throws RangeError for a limit below 1 or not an integer
 * @example
 * const client = encryptionClient();
 * const { message } = await client.encrypt(plaintext, { keyring, encryptionContext: { tenant: '42' } });
 * const { plaintext: again } = await client.decrypt(message, { keyring });
 */
export function encryptionClient(options: EncryptionClientOptions = {}): EncryptionClient {
  const { commitmentPolicy = 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT', maxEncryptedDataKeys = 64 } = options;
  if (!isCommitmentPolicy(commitmentPolicy)) throw new TypeError('commitmentPolicy: unknown policy');
  if (maxEncryptedDataKeys !== Infinity && !isIntegerBetween(maxEncryptedDataKeys, 1, 0xffff)) {
    throw new RangeError('maxEncryptedDataKeys: expected an integer from 1 to 65535, or Infinity');
  }
  const policy = { commitmentPolicy, maxEncryptedDataKeys };
  return {
    ...policy,
    encrypt: async (plaintext, encryptOptions) => encrypt(policy, plaintext, encryptOptions),
    decrypt: async (message, decryptOptions) => decrypt(policy, message, decryptOptions),
  };
}

type ClientPolicy = Required<EncryptionClientOptions>;

async function encrypt(
  { commitmentPolicy, maxEncryptedDataKeys }: ClientPolicy,
  plaintext: Uint8Array,
  options: EncryptOptions,
): Promise<EncryptResult> {
  assertBytes(plaintext, 'plaintext');
  const cmm = materialsManager(options);
  const { frameLength = 4096 } = options;
  if (!isIntegerBetween(frameLength, 1, maxUint32)) {
    throw new RangeError('frameLength: expected an integer from 1 to 4294967295');
  }
  const encryptionContext = copyContext(options.encryptionContext ?? {});
  assertNoReservedKeys(encryptionContext);
  const suite = options.suite === undefined ? undefined : knownSuite(options.suite);
  if (suite !== undefined) assertMayEncrypt(commitmentPolicy, suite);

  const materials = await cmm.encryptionMaterials({
    commitmentPolicy,
    encryptionContext,
    requiredEncryptionContextKeys: [],
    ...(suite === undefined ? {} : { suite }),
    maxPlaintextLength: plaintext.length,
    ...(options.signal && { signal: options.signal }),
  });
  assertMayEncrypt(commitmentPolicy, materials.suite);
  if (suite !== undefined && materials.suite.id !== suite.id) {
    throw new EncryptionSdkError('MATERIALS_INVALID', 'the materials are for another algorithm suite');
  }
  assertEncryptedDataKeyCount(materials.encryptedDataKeys.length, maxEncryptedDataKeys);
  const encryptor = await startEncryption(materials, frameLength);
  return {
    message: await encryptor.final(plaintext),
    encryptionContext: materials.encryptionContext,
    suite: materials.suite,
    header: encryptor.header,
  };
}

async function decrypt(
  policy: ClientPolicy,
  message: Uint8Array,
  options: DecryptOptions,
): Promise<DecryptResult> {
  assertBytes(message, 'message');
  const decryptor = new MessageDecryptor({
    ...policy,
    cmm: materialsManager(options),
    reproducedEncryptionContext: copyContext(options.encryptionContext ?? {}),
    signal: options.signal,
  });
  const { plaintext, header, encryptionContext } = await decryptor.final(message);
  return { plaintext, encryptionContext, suite: header.suite, header };
}

function materialsManager({ keyring, cmm }: MaterialsSource): CryptographicMaterialsManager {
  if (keyring !== undefined && cmm === undefined) return defaultCmm(keyring);
  if (cmm !== undefined && keyring === undefined) return cmm;
  throw new TypeError('expected either a keyring or a cmm');
}

function assertBytes(value: unknown, name: string): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name}: expected a Uint8Array`);
}

function isIntegerBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
