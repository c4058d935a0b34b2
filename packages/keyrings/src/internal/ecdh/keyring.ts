import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { openFirst, wipeOnFailure, withDataKey, withEncryptedDataKey } from '../wrapping.ts';
import { assertSealed, openDataKey, sealDataKey } from './data-key.ts';
import { decodeParties, type EcdhParties, encodeParties } from './parties.ts';
import type { EcdhCurve } from './points.ts';

/** Two parties and the x coordinate on which their keys agree, which the keyring wipes after use. */
interface EcdhAgreement {
  readonly parties: EcdhParties;
  readonly sharedSecret: Uint8Array;
}

/** How one schema of key agreement finds the parties and their shared secret. */
export interface EcdhSchema {
  readonly curve: EcdhCurve;
  /** For a new message. Absent if the schema only decrypts. */
  readonly agree?: () => Promise<EcdhAgreement>;
  /** Absent if the schema only encrypts. */
  readonly recover?: {
    /** True if a message between these parties is the keyring's own. */
    isParty(parties: EcdhParties): boolean;
    /** The x coordinate on which such parties agree, which the keyring wipes after use. */
    sharedSecret(parties: EcdhParties): Promise<Uint8Array>;
  };
}

/**
 * The keyring of a schema of key agreement. It opens what either of the two kinds of ECDH keyrings wrapped: only the
 * public keys matter.
 *
 * Rejects with `TypeError` if the schema does not encrypt, or does not decrypt.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-ecdh-keyring.md
 */
export function ecdhKeyring(providerId: EcdhProviderId, { curve, agree, recover }: EcdhSchema): Keyring {
  return {
    async onEncrypt(materials) {
      if (agree === undefined)
        throw new TypeError('keyring: expected one that encrypts; this schema decrypts');
      const { parties, sharedSecret } = await agree();
      const complete = withDataKey(materials);
      const isOwnDataKey = materials.dataKey === undefined;
      return wipeOnFailure(isOwnDataKey ? complete.dataKey : undefined, async () => {
        const binding = { parties, encryptionContext: materials.encryptionContext };
        const ciphertext = await wipeAfter(sharedSecret, () =>
          sealDataKey(binding, sharedSecret, complete.dataKey),
        );
        const providerInfo = encodeParties(parties);
        return withEncryptedDataKey(complete, { providerId, providerInfo, ciphertext });
      });
    },
    async onDecrypt(materials, encryptedDataKeys) {
      if (recover === undefined)
        throw new TypeError('keyring: expected one that decrypts; this schema encrypts');
      const candidates = encryptedDataKeys
        .flatMap((key) => candidateOf(curve, key))
        .filter(({ parties }) => recover.isParty(parties));
      return openFirst(materials, candidates, async ({ parties, ciphertext }) => {
        // Checked before the secret is requested.
        assertSealed(ciphertext, materials.suite.dataKeyLength);
        const binding = { parties, encryptionContext: materials.encryptionContext };
        const sharedSecret = await recover.sharedSecret(parties);
        return wipeAfter(sharedSecret, () => openDataKey(binding, sharedSecret, ciphertext));
      });
    },
  };
}

interface Candidate {
  readonly parties: EcdhParties;
  readonly ciphertext: Uint8Array;
}

/** Returns no candidate if the data key was wrapped by another kind of keyring, or for another curve. */
function candidateOf(
  curve: EcdhCurve,
  { providerId, providerInfo, ciphertext }: EncryptedDataKey,
): readonly Candidate[] {
  if (!PROVIDER_IDS.some((id) => id === providerId)) return [];
  const parties = decodeParties(curve, providerInfo);
  return parties === undefined ? [] : [{ parties, ciphertext }];
}

async function wipeAfter<T>(secret: Uint8Array, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    secret.fill(0);
  }
}

/** Which kind of keyring wrapped a data key. */
export type EcdhProviderId = (typeof PROVIDER_IDS)[number];

const PROVIDER_IDS = ['raw-ecdh', 'aws-kms-ecdh'] as const;
