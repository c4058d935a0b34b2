import type { ProxyConfig } from '../config/config.ts';
import { assertSameKey, tokensNamed } from '../keys/key-tokens.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { Report } from './findings.ts';

/** Tries whether the tokens of a key hold the same key: the others must decrypt what one encrypts. */
export async function examineSameKeys(config: ProxyConfig, report: Report): Promise<void> {
  for (const { name, keys } of config.stores) {
    for (const { externalKeyId, tokens: names, versions, usages } of keys) {
      const tokens = tokensNamed(config, names);
      if (tokens.length < 2 || usages.length < 2) continue;
      for (const { version, selector } of versions) {
        try {
          await assertSameKey(tokens, selector);
        } catch (error) {
          // A token that cannot be opened, or lacks the key, is a finding already.
          if (!(error instanceof XksProxyError)) throw error;
          if (error.code !== 'CHANGE_REFUSED') continue;
          report('keys-differ', `key ${name}/${externalKeyId}, version ${version}`, error.message);
        }
      }
    }
  }
}
