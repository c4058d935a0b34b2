import type { Keyring } from '@holdfast/sdk/spi';
import {
  deriveSharedSecret,
  type EcdhKeyPair,
  ecdhKeyPair,
  generateEcdhKeyPair,
} from './internal/ecdh/key-pair.ts';
import { ecdhKeyring } from './internal/ecdh/keyring.ts';
import { isSame } from './internal/ecdh/parties.ts';
import { type EcdhPublicKey, ecdhPublicKey, publicKeyOfPoint } from './internal/ecdh/points.ts';
import { KeyringError } from './internal/errors.ts';
import { type KeyInput, privateKeyObject, publicKeyObject } from './internal/key-object.ts';

export type { KeyInput } from './internal/key-object.ts';

/** Options of {@link rawEcdhKeyring}: whose keys agree. All keys are on P-256, P-384 or P-521. */
export type RawEcdhKeyringOptions = StaticEcdh | EphemeralEcdh | DiscoveryEcdh;

/** Two parties that know each other: each writes to the other, and opens what either of them wrote. */
export interface StaticEcdh {
  readonly schema: 'static';
  /** Your own. */
  readonly privateKey: KeyInput;
  /** The other party's, on the same curve. */
  readonly peerPublicKey: KeyInput;
}

/** Writes, under a new key pair for each data key, what only the other party opens. Does not decrypt. */
export interface EphemeralEcdh {
  readonly schema: 'ephemeral';
  /** The recipient's. */
  readonly peerPublicKey: KeyInput;
  readonly privateKey?: never;
}

/** Opens what any sender wrote to you, by either of the other schemas. Does not encrypt. */
export interface DiscoveryEcdh {
  readonly schema: 'discovery';
  /** Your own. */
  readonly privateKey: KeyInput;
  readonly peerPublicKey?: never;
}

/**
 * Wraps data keys under the secret on which a private and a public key agree by ECDH, bound to the encryption context. It
 * also opens what an AWS KMS ECDH keyring wrapped between the same keys.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED`; with `TypeError` where the schema does not
 * encrypt, or does not decrypt.
 *
 * @throws TypeError for an unknown schema, anything but such keys, keys that do not go together, or a key that the schema
 *   has no use for
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-ecdh-keyring.md
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/key-agreement-schemas.md
 * @example
 * const toBob = rawEcdhKeyring({ schema: 'ephemeral', peerPublicKey: bobsPublicKeyPem });
 * const bobs = rawEcdhKeyring({ schema: 'discovery', privateKey: bobsPrivateKeyPem });
 */
export function rawEcdhKeyring(options: RawEcdhKeyringOptions): Keyring {
  switch (options.schema) {
    case 'static':
      return staticKeyring(ownKeys(options.privateKey), peerKey(options.peerPublicKey));
    case 'ephemeral':
      // JavaScript lets it through, and the sender would not be that key.
      if ('privateKey' in options) throw new TypeError('privateKey: expected none with ephemeral');
      return ephemeralKeyring(peerKey(options.peerPublicKey));
    case 'discovery':
      // The keyring would open messages of other senders too.
      if ('peerPublicKey' in options) throw new TypeError('peerPublicKey: expected none with discovery');
      return discoveryKeyring(ownKeys(options.privateKey));
    default:
      throw new TypeError('schema: expected static, ephemeral or discovery');
  }
}

function staticKeyring(own: EcdhKeyPair, peer: EcdhPublicKey): Keyring {
  const { curve, point } = own.publicKey;
  if (peer.curve !== curve) throw new TypeError('peerPublicKey: expected a key on the curve of privateKey');
  if (isSame(peer.point, point))
    throw new TypeError("peerPublicKey: expected the other party's, not one's own");
  return ecdhKeyring('raw-ecdh', {
    curve,
    agree: async () => ({
      parties: { curve, sender: point, recipient: peer.point },
      sharedSecret: deriveSharedSecret(own, peer),
    }),
    recover: {
      isParty: ({ sender, recipient }) =>
        (isSame(sender, point) && isSame(recipient, peer.point)) ||
        (isSame(sender, peer.point) && isSame(recipient, point)),
      sharedSecret: async () => deriveSharedSecret(own, peer),
    },
  });
}

function ephemeralKeyring(peer: EcdhPublicKey): Keyring {
  const { curve, point: recipient } = peer;
  return ecdhKeyring('raw-ecdh', {
    curve,
    async agree() {
      const ephemeral = await generateEcdhKeyPair(curve);
      return {
        parties: { curve, sender: ephemeral.publicKey.point, recipient },
        sharedSecret: deriveSharedSecret(ephemeral, peer),
      };
    },
  });
}

function discoveryKeyring(own: EcdhKeyPair): Keyring {
  const { curve, point } = own.publicKey;
  return ecdhKeyring('raw-ecdh', {
    curve,
    recover: {
      isParty: ({ recipient }) => isSame(recipient, point),
      async sharedSecret({ sender }) {
        const peer = publicKeyOfPoint(curve, sender);
        if (peer === undefined)
          throw new KeyringError('DATA_KEY_NOT_OPENED', 'the sender has no valid public key');
        return deriveSharedSecret(own, peer);
      },
    },
  });
}

function ownKeys(input: KeyInput): EcdhKeyPair {
  const pair = ecdhKeyPair(privateKeyObject('privateKey', input));
  if (pair === undefined) throw new TypeError(`privateKey: expected one on ${CURVES}`);
  return pair;
}

function peerKey(input: KeyInput): EcdhPublicKey {
  const key = ecdhPublicKey(publicKeyObject('peerPublicKey', input));
  if (key === undefined) throw new TypeError(`peerPublicKey: expected one on ${CURVES}`);
  return key;
}

const CURVES = 'P-256, P-384 or P-521';
