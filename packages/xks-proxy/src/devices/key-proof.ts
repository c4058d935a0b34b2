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
  const findings = new WeakMap<OpenToken, Finding & { readonly connection: number }>();

  const seal = async (token: OpenToken, options: DeviceCallOptions): Promise<void> => {
    const key = await token.device.key(selector, options);
    if (key.usages.length < 2) return;
    const plaintext = randomBytes(32);
    const sealed = await key.encrypt({ aad: AAD, plaintext }, options);
    // By a faulty one all tokens would be measured.
    const isSound = plaintext.equals(await key.decrypt({ aad: AAD, ...sealed }, options));
    if (isSound) sample ??= { sealer: token, plaintext, sealed };
  };
  /** Undefined where nothing can be told. */
  const find = async (token: OpenToken, options: DeviceCallOptions): Promise<Finding | undefined> => {
    try {
      if (sample === undefined) await seal(token, options);
      if (sample === undefined) return undefined;
      const key = await token.device.key(selector, options);
      const opened = await key.decrypt({ aad: AAD, ...sample.sealed }, options);
      if (sample.plaintext.equals(opened)) return SAME_KEY;
      return { failure: new Error('the token opened it to something else') };
    } catch (error) {
      if (isWorthAnotherToken(error)) throw error;
      if (sample !== undefined) return { failure: error };
      // Nor can any other token seal with it, as long as this lasts.
      return isBudgetFailure(error) ? SAME_KEY : undefined;
    }
  };
  const findingOn = async (token: OpenToken, options: DeviceCallOptions): Promise<Finding | undefined> => {
    const connection = token.connections();
    const known = findings.get(token);
    if (known?.connection === connection) return known;
    const found = await find(token, options);
    // Another request may have been faster.
    const isTold = findings.get(token)?.connection === connection;
    if (found === undefined || isTold) return found;
    findings.set(token, { ...found, connection });
    if (found.failure !== undefined) onFailure(leftOut(token, found.failure));
    return found;
  };
  return {
    get sealer() {
      return sample?.sealer;
    },
    async ask(token, options = {}) {
      const finding = await findingOn(token, options);
      if (finding?.failure === undefined) return;
      throw tokenException(new Pkcs11Error('TOKEN_UNAVAILABLE', 'the token has another key by this name'));
    },
    forgive(token) {
      if (findings.get(token)?.failure !== undefined) findings.delete(token);
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
function leftOut({ config: { name } }: OpenToken, failure: unknown): unknown {
  if (!(failure instanceof XksException)) return failure;
  const { errorName, message, cause } = failure;
  return new XksException(errorName, message, { reason: `${name} is left out`, cause });
}

interface Sample {
  readonly sealer: OpenToken;
  readonly plaintext: Buffer;
  readonly sealed: Sealed;
}

/** What a token has shown; no failure if it has the key. */
interface Finding {
  readonly failure: unknown;
}

const SAME_KEY: Finding = { failure: undefined };
const AAD = Buffer.from('same key');
