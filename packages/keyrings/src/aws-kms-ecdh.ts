import type { KMSClient } from '@aws-sdk/client-kms';
import type { Keyring } from '@holdfast/sdk/spi';
import { parseAwsKmsKeyArn } from './internal/aws-kms/arn.ts';
import { checkClient, checkGrantTokens } from './internal/aws-kms/clients.ts';
import { deriveSharedSecret, type KeyAgreementKey, ownPublicKey } from './internal/aws-kms/key-agreement.ts';
import { ecdhKeyring } from './internal/ecdh/keyring.ts';
import { isSame } from './internal/ecdh/parties.ts';
import {
  type EcdhCurve,
  type EcdhPublicKey,
  ecdhPublicKey,
  publicKeyOfPoint,
} from './internal/ecdh/points.ts';
import { KeyringError } from './internal/errors.ts';
import { type KeyInput, publicKeyObject } from './internal/key-object.ts';

export type { EcdhCurve } from './internal/ecdh/points.ts';
export type { KeyInput } from './internal/key-object.ts';

/** Options of {@link awsKmsEcdhKeyring}: whose keys agree. All keys are on one curve. */
export type AwsKmsEcdhKeyringOptions = AwsKmsEcdhKey & (StaticAwsKmsEcdh | DiscoveryAwsKmsEcdh);

/** Your own key, which is in AWS KMS. */
export interface AwsKmsEcdhKey {
  /** For the region of the key. */
  readonly client: KMSClient;
  /** ARN of a key for key agreement. */
  readonly keyArn: string;
  readonly curve: EcdhCurve;
  /**
   * The public half of the key. Without it, the keyring calls GetPublicKey, once. It is not verified: under the public half
   * of another key, data keys are wrapped that the other party cannot open.
   */
  readonly publicKey?: KeyInput;
  /** Sent with every request; at most 10. */
  readonly grantTokens?: readonly string[];
}

/** Two parties that know each other: each writes to the other, and opens what either of them wrote. */
export interface StaticAwsKmsEcdh {
  readonly schema: 'static';
  /** The other party's. Its private half may be anywhere. */
  readonly peerPublicKey: KeyInput;
}

/** Opens what any sender wrote to you. Does not encrypt. */
export interface DiscoveryAwsKmsEcdh {
  readonly schema: 'discovery';
  readonly peerPublicKey?: never;
}

/**
 * Wraps data keys under the secret on which a key of AWS KMS and a public key agree by ECDH, bound to the encryption
 * context; only AWS KMS has the private half. It also opens what a raw ECDH keyring wrapped between the same keys.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_NOT_OPENED`, `KEY_SERVICE_REFUSED`,
 * `KEY_SERVICE_UNAVAILABLE` or `KEY_SERVICE_ANSWER_INVALID`; with `TypeError` where the schema does not encrypt.
 *
 * @throws TypeError for an unknown schema or curve, an invalid ARN, client or key, keys on another curve, or
 *   `peerPublicKey` with `discovery`
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-ecdh-keyring.md
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/key-agreement-schemas.md
 * @example
 * const keyring = awsKmsEcdhKeyring({ schema: 'static', client, keyArn, curve: 'P-256', peerPublicKey: bobsPublicKeyPem });
 */
export function awsKmsEcdhKeyring(options: AwsKmsEcdhKeyringOptions): Keyring {
  const { keyArn, curve } = options;
  if (parseAwsKmsKeyArn(keyArn) === undefined) throw new TypeError('keyArn: expected the ARN of a key');
  if (!CURVES.includes(curve)) throw new TypeError(`curve: expected one of ${CURVES.join(', ')}`);
  const client = checkClient(options.client);
  const key = { client, keyArn, curve, grantTokens: checkGrantTokens(options.grantTokens) };
  const own = ownKey(key, options.publicKey);
  switch (options.schema) {
    case 'static':
      return staticKeyring(key, own, keyOn(curve, 'peerPublicKey', options.peerPublicKey));
    case 'discovery':
      // JavaScript lets it through, and the keyring would open messages of other senders too.
      if ('peerPublicKey' in options) throw new TypeError('peerPublicKey: expected none with discovery');
      return discoveryKeyring(key, own);
    default:
      throw new TypeError('schema: expected static or discovery');
  }
}

/** Resolves to one's own public key. */
type OwnKey = () => Promise<EcdhPublicKey>;

function staticKeyring(key: KeyAgreementKey, own: OwnKey, peer: EcdhPublicKey): Keyring {
  const { curve } = key;
  return ecdhKeyring('aws-kms-ecdh', {
    curve,
    async agree() {
      const { point: sender } = await own();
      return {
        parties: { curve, sender, recipient: peer.point },
        sharedSecret: await deriveSharedSecret(key, peer),
      };
    },
    recover: {
      isParty: ({ sender, recipient }) => isSame(sender, peer.point) || isSame(recipient, peer.point),
      async sharedSecret({ sender, recipient }) {
        const { point } = await own();
        if (!isSame(isSame(sender, peer.point) ? recipient : sender, point)) throw notOurs();
        return deriveSharedSecret(key, peer);
      },
    },
  });
}

function discoveryKeyring(key: KeyAgreementKey, own: OwnKey): Keyring {
  return ecdhKeyring('aws-kms-ecdh', {
    curve: key.curve,
    recover: {
      // The keyring's own key may not be known yet: AWS KMS has to be asked for it.
      isParty: () => true,
      async sharedSecret({ sender, recipient }) {
        if (!isSame(recipient, (await own()).point)) throw notOurs();
        const peer = publicKeyOfPoint(key.curve, sender);
        if (peer === undefined) {
          throw new KeyringError('DATA_KEY_NOT_OPENED', 'the sender has no valid public key');
        }
        return deriveSharedSecret(key, peer);
      },
    },
  });
}

/** Returns a function that asks AWS KMS for the public half once; after a failure, the next call asks again. */
function ownKey(key: KeyAgreementKey, publicKey: KeyInput | undefined): OwnKey {
  if (publicKey !== undefined) {
    const given = keyOn(key.curve, 'publicKey', publicKey);
    return async () => given;
  }
  let asked: Promise<EcdhPublicKey> | undefined;
  return async () => {
    asked ??= ownPublicKey(key);
    const asking = asked;
    try {
      return await asking;
    } catch (error) {
      if (asked === asking) asked = undefined;
      throw error;
    }
  };
}

function keyOn(curve: EcdhCurve, name: string, input: KeyInput): EcdhPublicKey {
  const key = ecdhPublicKey(publicKeyObject(name, input));
  if (key?.curve !== curve) throw new TypeError(`${name}: expected a key on ${curve}`);
  return key;
}

function notOurs(): KeyringError {
  return new KeyringError('DATA_KEY_NOT_OPENED', 'it was wrapped between other keys');
}

const CURVES: readonly EcdhCurve[] = ['P-256', 'P-384', 'P-521'];
