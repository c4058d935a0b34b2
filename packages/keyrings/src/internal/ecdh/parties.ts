import { type EcdhCurve, POINT_LENGTHS } from './points.ts';

/** Whose keys agree on the wrapping key: compressed points of one curve. */
export interface EcdhParties {
  readonly curve: EcdhCurve;
  readonly sender: Uint8Array;
  readonly recipient: Uint8Array;
}

/**
 * The provider information of an encrypted data key: version ‖ length ‖ recipient ‖ length ‖ sender.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-ecdh-keyring.md#key-provider-information
 */
export function encodeParties({ recipient, sender }: EcdhParties): Uint8Array {
  const length = recipient.length;
  const withLength = (point: Uint8Array): readonly number[] => [0, 0, 0, length, ...point];
  return Uint8Array.of(PROVIDER_INFO_VERSION, ...withLength(recipient), ...withLength(sender));
}

/**
 * Reads provider information; `undefined` unless it is of version 1 and has two points as long as those of the curve.
 * It does not check that the points are on the curve.
 */
export function decodeParties(curve: EcdhCurve, providerInfo: Uint8Array): EcdhParties | undefined {
  const length = POINT_LENGTHS[curve];
  if (providerInfo.length !== 1 + 2 * (4 + length)) return undefined;
  const parties = {
    curve,
    recipient: providerInfo.slice(5, 5 + length),
    sender: providerInfo.slice(9 + length),
  };
  // These points have one form only: equal points have equal bytes.
  return isSame(encodeParties(parties), providerInfo) ? parties : undefined;
}

/** True if both arrays hold the same bytes. They are public, so the comparison need not take constant time. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => b[i] === byte);
}

/** The version of the provider information, and so of the derivation, which has it in its input. */
export const PROVIDER_INFO_VERSION = 1;
