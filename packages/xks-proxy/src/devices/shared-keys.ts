import { setImmediate } from 'node:timers/promises';
import type { ProxyConfig } from '../config/config.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { deadlineIn } from '../deadline.ts';
import type { ProxyLog } from '../log.ts';
import type { DeviceKeySelector } from './key-device.ts';
import { type KeyProof, keyProof } from './key-proof.ts';
import type { OpenToken } from './open-token.ts';
import { selectorName } from './selector-name.ts';

/** Proofs for the keys that lie on several tokens. */
export interface SharedKeys {
  /** By the selectors of one configuration. */
  readonly bySelector: ReadonlyMap<DeviceKeySelector, KeyProof>;
  /** By the names of key and tokens, which the next configuration may have as well. */
  readonly byName: ReadonlyMap<string, KeyProof>;
}

/**
 * Asks the tokens for the keys that they share. One that is out is asked when it is back, and before it serves such a key.
 * Logs each key of which a token has another one or none, and never rejects.
 *
 * @param before what was found out for the configuration before, which holds as long as its tokens do
 */
export async function proveSharedKeys(
  { stores, server }: ProxyConfig,
  tokens: readonly OpenToken[],
  log: ProxyLog,
  before?: SharedKeys,
): Promise<SharedKeys> {
  const bySelector = new Map<DeviceKeySelector, KeyProof>();
  const byName = new Map<string, KeyProof>();
  const asked = async (proof: KeyProof, token: OpenToken): Promise<void> => {
    proof.forgive(token);
    if (token.isOut()) return;
    await proof.ask(token, { deadline: deadlineIn(server.timeoutMs) }).catch(() => undefined);
  };
  for (const { name: store, keys } of stores) {
    for (const { externalKeyId, versions, ...key } of keys) {
      const holders = holdersOf(key, tokens);
      if (holders.length < 2 || key.status !== 'ENABLED' || key.usages.length < 2) continue;
      for (const { selector } of versions) {
        const name = JSON.stringify([selectorName(selector), ...holders.map(({ config }) => config.name)]);
        const known = byName.get(name);
        const proof =
          known ??
          kept(before?.byName.get(name), holders) ??
          keyProof(selector, (cause) => log.keyUnavailable({ store, externalKeyId }, cause));
        bySelector.set(selector, proof);
        byName.set(name, proof);
        if (known !== undefined) continue;
        // As long a turn of the event loop as for one key, and not for all of them.
        await setImmediate();
        for (const token of holders) await asked(proof, token);
      }
    }
  }
  return { bySelector, byName };
}

/** The tokens that a key lies on, in the order of its preference. */
export function holdersOf(
  { tokens: names }: Pick<StoreKeyConfig, 'tokens'>,
  tokens: readonly OpenToken[],
): readonly OpenToken[] {
  if (names === undefined) return tokens;
  return names.flatMap((name) => tokens.filter(({ config }) => config.name === name));
}

/** A proof is as good as the token that it began with. */
function kept(proof: KeyProof | undefined, holders: readonly OpenToken[]): KeyProof | undefined {
  return proof?.sealer !== undefined && holders.includes(proof.sealer) ? proof : undefined;
}
