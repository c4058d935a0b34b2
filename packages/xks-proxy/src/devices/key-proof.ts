import { randomBytes } from 'node:crypto';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { isBudgetFailure } from '../budget/iv-budget.ts';
import { XksException } from '../errors.ts';
import { isWorthAnotherToken, tokenException } from './failures.ts';
import type { DeviceCallOptions, DeviceKeySelector, KeyDevice, Sealed } from './key-device.ts';
import type { OpenToken } from './open-token.ts';

/**
 * Whether several tokens hold the same key by one name: what the first of them to be asked has sealed, the others have to
 * open. Else what one encrypts would be lost with it.
 */
export interface KeyProof {
  /** The token whose key is the one; undefined until one was asked that could seal with it. */
  readonly sealer: OpenToken | undefined;
  /**
   * Resolves when the token may serve the key. It is asked once as long as its connection lasts, by calls that count as any
   * encryption does. Rejects as for a token that is out when it has another key or none, and with what kept it from trying.
   */
  ask(token: OpenToken, options?: DeviceCallOptions): Promise<void>;
  /** Has a token asked again that has failed: its key may have been put right. */
  forgive(token: OpenToken): void;
}

/** The proof for the key of a name; `onFailure` is told of each token that has another one, and why that is known. */
export function keyProof(selector: DeviceKeySelector, onFailure: (cause: unknown) => void): KeyProof {
  let sample: Sample | undefined;
  const verdicts = new WeakMap<OpenToken, Verdict>();

  const seal = async (token: OpenToken, options: DeviceCallOptions): Promise<void> => {
    const key = await token.device.key(selector, options);
    if (key.usages.length < 2) return;
    const plaintext = randomBytes(32);
    const sealed = await key.encrypt({ aad: AAD, plaintext }, options);
    sample ??= { sealer: token, plaintext, sealed };
  };
  /** Why it has another key, or null if it has the one; undefined where nothing can be told. */
  const failureOf = async (token: OpenToken, options: DeviceCallOptions): Promise<unknown> => {
    try {
      if (sample === undefined) await seal(token, options);
      if (sample === undefined) return undefined;
      const key = await token.device.key(selector, options);
      const opened = await key.decrypt({ aad: AAD, ...sample.sealed }, options);
      return sample.plaintext.equals(opened) ? null : new Error('the token opened it to something else');
    } catch (error) {
      if (isWorthAnotherToken(error)) throw error;
      if (sample !== undefined) return error;
      // Nor can any other token seal with it, as long as this lasts.
      return isBudgetFailure(error) ? null : undefined;
    }
  };
  const verdictOn = async (token: OpenToken, options: DeviceCallOptions): Promise<boolean> => {
    const connections = token.connections();
    const known = verdicts.get(token);
    if (known?.connections === connections) return known.isSame;
    const failure = await failureOf(token, options);
    if (failure === undefined) return true;
    const isSame = failure === null;
    // Another request may have been as fast.
    const isNew = verdicts.get(token)?.connections !== connections;
    verdicts.set(token, { connections, isSame });
    if (!isSame && isNew) onFailure(otherKey(token, failure));
    return isSame;
  };
  return {
    get sealer() {
      return sample?.sealer;
    },
    async ask(token, options = {}) {
      if (await verdictOn(token, options)) return;
      throw tokenException(new Pkcs11Error('TOKEN_UNAVAILABLE', 'the token has another key by this name'));
    },
    forgive(token) {
      if (verdicts.get(token)?.isSame === false) verdicts.delete(token);
    },
  };
}

/** The device of a token, with the keys that it was asked for and has. */
export function provenDevice(token: OpenToken, proofs: ReadonlyMap<DeviceKeySelector, KeyProof>): KeyDevice {
  const { device } = token;
  return {
    name: device.name,
    async key(selector, options) {
      await proofs.get(selector)?.ask(token, options);
      return device.key(selector, options);
    },
    ping: (options) => device.ping(options),
  };
}

/** What the log says of it. */
function otherKey({ config: { name } }: OpenToken, failure: unknown): unknown {
  if (!(failure instanceof XksException)) return failure;
  const { errorName, message, cause } = failure;
  return new XksException(errorName, message, { reason: `${name} is left out`, cause });
}

interface Sample {
  readonly sealer: OpenToken;
  readonly plaintext: Buffer;
  readonly sealed: Sealed;
}

/** What a token has shown on one of its connections. */
interface Verdict {
  readonly connections: number;
  readonly isSame: boolean;
}

const AAD = Buffer.from('same key');
