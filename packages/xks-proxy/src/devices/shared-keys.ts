import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { ProxyConfig } from '../config/config.ts';
import { lastVersion } from '../config/key-versions.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { deadlineIn } from '../deadline.ts';
import type { ProxyLog } from '../log.ts';
import { XksException } from '../xks-exception.ts';
import type { Sealed } from './key-device.ts';
import type { DeviceKeySelector } from './key-selector.ts';
import type { OpenToken } from './open-token.ts';

/**
 * Compares the keys that several tokens hold: the first token seals something under the newest version of a key, and the
 * others have to open it. Logs each token that cannot: it has another key by the same name, and the first cannot decrypt
 * what it encrypts. A token that is out, or lacks the key, is not compared. Never rejects; ends soon after `signal` is
 * aborted.
 */
export async function compareSharedKeys(
  { stores, server }: ProxyConfig,
  tokens: readonly OpenToken[],
  log: ProxyLog,
  signal: AbortSignal,
): Promise<void> {
  for (const { name: store, keys } of stores) {
    for (const key of keys) {
      if (key.status !== 'ENABLED' || key.usages.length < 2) continue;
      const holders = holdersOf(key, tokens).filter((token) => !token.isOut());
      if (holders.length < 2) continue;
      // Where calls are inline, requests need a turn of the event loop in between.
      await setImmediate();
      if (signal.aborted) return;
      const named = { store, externalKeyId: key.externalKeyId };
      await compare(lastVersion(key).selector, holders, {
        timeoutMs: server.timeoutMs,
        onOther: (cause) => log.keyUnavailable(named, cause),
      });
    }
  }
}

/** The tokens that hold a key, in the order of its preference. */
export function holdersOf(
  { tokens: names }: Pick<StoreKeyConfig, 'tokens'>,
  tokens: readonly OpenToken[],
): readonly OpenToken[] {
  if (names === undefined) return tokens;
  return names.flatMap((name) => tokens.filter(({ config }) => config.name === name));
}

async function compare(
  selector: DeviceKeySelector,
  holders: readonly OpenToken[],
  { timeoutMs, onOther }: { readonly timeoutMs: number; readonly onOther: (cause: XksException) => void },
): Promise<void> {
  let sample: Sample | undefined;
  for (const token of holders) {
    const { name } = token.config;
    const options = { deadline: deadlineIn(timeoutMs) };
    try {
      if (sample === undefined) {
        const plaintext = randomBytes(32);
        sample = {
          sealer: name,
          plaintext,
          sealed: await token.device.encrypt({ selector, aad: AAD, plaintext }, options),
        };
      } else if (
        !sample.plaintext.equals(
          await token.device.decrypt({ selector, aad: AAD, ...sample.sealed }, options),
        )
      ) {
        onOther(otherKey(name, sample));
      }
    } catch (error) {
      // Any other failure, such as a missing key, is logged where the key is needed.
      if (sample !== undefined && isNotOpened(error)) onOther(otherKey(name, sample, error));
    }
  }
}

/** A ciphertext of one token for the others to open. */
interface Sample {
  readonly sealer: string;
  readonly plaintext: Buffer;
  readonly sealed: Sealed;
}

function isNotOpened(error: unknown): boolean {
  return error instanceof XksException && error.errorName === 'InvalidCiphertextException';
}

function otherKey(name: string, { sealer }: Sample, cause?: unknown): XksException {
  return new XksException('InternalException', 'The external key manager failed.', {
    reason: `${name} has another key by this name than ${sealer}`,
    cause,
  });
}

const AAD = Buffer.from('same key');
