import {
  EncryptedDataKey as AwsCryptoEncryptedDataKey,
  KeyringNode,
  KeyringTraceFlag,
  NodeAlgorithmSuite,
  NodeDecryptionMaterial,
  NodeEncryptionMaterial,
  unwrapDataKey,
} from '@aws-crypto/material-management';
import {
  type AlgorithmSuite,
  type EncryptedDataKey,
  type EncryptionMaterials,
  type Keyring,
  secretBytes,
  suiteById,
} from '@holdfast/sdk/spi';
import { AWS_KMS_FAILURES } from './internal/aws-kms/failures.ts';
import { callKeyService, invalidAnswer, type KeyServiceFailures } from './internal/key-service.ts';
import { assertKeyring, assertWrapped, openFirst } from './internal/wrapping.ts';

/**
 * Makes a Node keyring of `@aws-crypto` usable by a client of `@holdfast/sdk`. The encrypted data keys are handed to it one
 * at a time, so that each has a cause of its own when none opens.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_UNAVAILABLE`, on encrypt `KEY_SERVICE_REFUSED` or, from a keyring that wraps
 * nothing, `KEY_SERVICE_ANSWER_INVALID`; and with `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED` on decrypt, also for an
 * outage of AWS KMS: the KMS keyring of `@aws-crypto` keeps only the text of that error.
 *
 * @throws TypeError for anything but a `KeyringNode` of the installed `@aws-crypto/material-management`
 * @example
 * const keyring = fromAwsCrypto(new KmsKeyringNode({ generatorKeyId: keyArn }));
 */
export function fromAwsCrypto(keyring: KeyringNode): Keyring {
  if (!(keyring instanceof KeyringNode)) {
    throw new TypeError('keyring: expected a KeyringNode of the installed @aws-crypto/material-management');
  }
  return {
    async onEncrypt(materials) {
      const theirs = new NodeEncryptionMaterial(suiteOf(materials.suite), { ...materials.encryptionContext });
      try {
        if (materials.dataKey !== undefined) {
          setDataKey(theirs, materials.dataKey, GENERATED);
        }
        await callKeyService(AWS_CRYPTO_FAILURES, () => keyring.onEncrypt(theirs));
        // A discovery keyring returns the materials unchanged: no keyring could open the message.
        if (!theirs.hasUnencryptedDataKey || theirs.encryptedDataKeys.length === 0) {
          throw invalidAnswer('@aws-crypto keyring', 'no data key that is wrapped');
        }
        const encryptedDataKeys = [...materials.encryptedDataKeys, ...theirs.encryptedDataKeys.map(toOurs)];
        return { ...materials, dataKey: materials.dataKey ?? dataKeyOf(theirs), encryptedDataKeys };
      } finally {
        theirs.zeroUnencryptedDataKey();
      }
    },
    onDecrypt: async (materials, encryptedDataKeys) =>
      openFirst(materials, encryptedDataKeys, async (candidate) => {
        const theirs = new NodeDecryptionMaterial(suiteOf(materials.suite), {
          ...materials.encryptionContext,
        });
        try {
          await callKeyService(AWS_CRYPTO_FAILURES, () => keyring.onDecrypt(theirs, [toTheirs(candidate)]));
          return dataKeyOf(theirs);
        } finally {
          theirs.zeroUnencryptedDataKey();
        }
      }),
  };
}

/**
 * Makes a keyring of this package usable by an application with `@aws-crypto/client-node`. Its clients, caching CMM and
 * multi-keyring take it as one of their own.
 *
 * Rejects with what the keyring rejects with; on encrypt also with `KeyringError` `KEY_SERVICE_ANSWER_INVALID` for one
 * that wraps nothing, or changes the data key or what was wrapped before.
 *
 * @throws TypeError for anything but a keyring
 * @example
 * const { message } = await encrypt(toAwsCrypto(pkcs11Keyring({ … })), plaintext);
 */
export function toAwsCrypto(keyring: Keyring): KeyringNode {
  assertKeyring('keyring', keyring);
  return new Bridge(keyring);
}

class Bridge extends KeyringNode {
  readonly #keyring: Keyring;

  constructor(keyring: Keyring) {
    super();
    this.#keyring = keyring;
  }

  override async _onEncrypt(theirs: NodeEncryptionMaterial): Promise<NodeEncryptionMaterial> {
    const given = theirs.hasUnencryptedDataKey ? dataKeyOf(theirs) : undefined;
    const encryptedDataKeys = theirs.encryptedDataKeys.map(toOurs);
    let wrapped: EncryptionMaterials | undefined;
    try {
      const materials = { ...materialsOf(theirs), encryptedDataKeys, ...(given && { dataKey: given }) };
      wrapped = await this.#keyring.onEncrypt(materials);
      assertWrapped(materials, wrapped);
      const added = wrapped.encryptedDataKeys.slice(encryptedDataKeys.length).map(toTheirs);
      if (given === undefined && wrapped.dataKey !== undefined) {
        setDataKey(theirs, wrapped.dataKey, GENERATED, added[0]);
      }
      for (const key of added) {
        theirs.addEncryptedDataKey(key, KeyringTraceFlag.WRAPPING_KEY_ENCRYPTED_DATA_KEY);
      }
      return theirs;
    } finally {
      given?.fill(0);
      wrapped?.dataKey?.fill(0);
    }
  }

  override async _onDecrypt(
    theirs: NodeDecryptionMaterial,
    encryptedDataKeys: AwsCryptoEncryptedDataKey[],
  ): Promise<NodeDecryptionMaterial> {
    const { dataKey } = await this.#keyring.onDecrypt(materialsOf(theirs), encryptedDataKeys.map(toOurs));
    if (dataKey !== undefined) {
      try {
        setDataKey(theirs, dataKey, DECRYPTED);
      } finally {
        dataKey.fill(0);
      }
    }
    return theirs;
  }
}

/** Materials of this package without a signing key, which a keyring does not need. */
function materialsOf({ suite: { id }, encryptionContext }: NodeEncryptionMaterial | NodeDecryptionMaterial) {
  const suite = suiteById(id);
  if (suite === undefined) throw new TypeError('suite: expected one of the AWS Encryption SDK');
  return { suite, encryptionContext: { ...encryptionContext }, requiredEncryptionContextKeys: [] };
}

function suiteOf({ id }: AlgorithmSuite): NodeAlgorithmSuite {
  return new NodeAlgorithmSuite(id);
}

function toOurs({
  providerId,
  providerInfo,
  rawInfo,
  encryptedDataKey,
}: AwsCryptoEncryptedDataKey): EncryptedDataKey {
  return {
    providerId,
    providerInfo: rawInfo ?? new TextEncoder().encode(providerInfo),
    ciphertext: encryptedDataKey,
  };
}

function toTheirs({ providerId, providerInfo, ciphertext }: EncryptedDataKey): AwsCryptoEncryptedDataKey {
  return new AwsCryptoEncryptedDataKey({
    providerId,
    providerInfo: new TextDecoder().decode(providerInfo),
    rawInfo: providerInfo,
    encryptedDataKey: ciphertext,
  });
}

/** Returns a copy that can be wiped. `@aws-crypto` keeps the data key in a `KeyObject`, and exports it for every reader. */
function dataKeyOf(theirs: NodeEncryptionMaterial | NodeDecryptionMaterial): Uint8Array {
  const exported = unwrapDataKey(theirs.getUnencryptedDataKey());
  const dataKey = secretBytes(exported.length);
  dataKey.set(exported);
  exported.fill(0);
  return dataKey;
}

/** Hands over a copy that is alone in its memory, as `@aws-crypto` requires: it wipes what it is given. */
function setDataKey(
  theirs: NodeEncryptionMaterial | NodeDecryptionMaterial,
  dataKey: Uint8Array,
  flags: KeyringTraceFlag,
  { providerId: keyNamespace, providerInfo: keyName }: TracedKey = OF_HOLDFAST,
): void {
  const copy = secretBytes(dataKey.length);
  copy.set(dataKey);
  try {
    theirs.setUnencryptedDataKey(copy, { keyNamespace, keyName, flags });
  } finally {
    copy.fill(0);
  }
}

type TracedKey = Pick<AwsCryptoEncryptedDataKey, 'providerId' | 'providerInfo'>;

function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('$metadata' in error) return AWS_KMS_FAILURES.isOutage(error);
  return 'syscall' in error || ['CredentialsProviderError', 'TimeoutError'].includes(error.name);
}

const AWS_CRYPTO_FAILURES: KeyServiceFailures = { keyService: '@aws-crypto keyring', isOutage };
const GENERATED = KeyringTraceFlag.WRAPPING_KEY_GENERATED_DATA_KEY;
const DECRYPTED = KeyringTraceFlag.WRAPPING_KEY_DECRYPTED_DATA_KEY;
/** A trace of `@aws-crypto` for a data key names a wrapping key; nothing reads it. */
const OF_HOLDFAST: TracedKey = { providerId: 'holdfast', providerInfo: 'holdfast' };
