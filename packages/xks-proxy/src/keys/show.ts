import type { AesKeyRecord } from '@holdfast/pkcs11';
import { readCounts } from '../budget/counts-directory.ts';
import type { ProxyConfig, StoreConfig } from '../config/config.ts';
import { currentVersion } from '../config/key-versions.ts';
import type { KeyVersionConfig, StoreKeyConfig } from '../config/keys.ts';
import { isMatch, selectorName, selectorText } from '../devices/key-selector.ts';
import { tokensNamed } from './key-tokens.ts';
import { onToken } from './on-token.ts';

/** An external key as the command line shows it. */
export interface KeyDescription {
  readonly store: string;
  readonly externalKeyId: string;
  readonly status: StoreKeyConfig['status'];
  readonly usages: StoreKeyConfig['usages'];
  /** Names of its tokens. */
  readonly tokens: readonly string[];
  readonly versions: readonly VersionDescription[];
  /** Number of the version that encrypts now. */
  readonly encryptsWith: number;
}

/** One version of it; `describeOnTokens` adds where it was found. */
interface VersionDescription {
  readonly version: number;
  readonly label?: string;
  /** In hex. */
  readonly id?: string;
  /** The instant from which it encrypts, in ISO 8601. */
  readonly encryptsFrom?: string;
  readonly found?: readonly FoundKey[];
  /** The highest possible number of its encryptions, if they are counted. */
  readonly encryptions?: number;
}

/** A version on one token, or its absence. */
type FoundKey = { readonly token: string } & (
  | { readonly present: false }
  | ({ readonly present: true; readonly id: string } & Omit<AesKeyRecord, 'id'>)
);

/** Describes a key by the configuration alone. */
export function describeKey(config: ProxyConfig, store: StoreConfig, key: StoreKeyConfig): KeyDescription {
  return {
    store: store.name,
    externalKeyId: key.externalKeyId,
    status: key.status,
    usages: key.usages,
    tokens: tokensNamed(config, key.tokens).map(({ name }) => name),
    versions: key.versions.map(describeVersion),
    encryptsWith: currentVersion(key).version,
  };
}

/** Describes a key by the configuration and its tokens. Rejects with XksProxyError `PIN_REFUSED` or `TOKEN_UNAVAILABLE`. */
export async function describeOnTokens(
  config: ProxyConfig,
  store: StoreConfig,
  key: StoreKeyConfig,
): Promise<KeyDescription> {
  const onTokens = await Promise.all(
    tokensNamed(config, key.tokens).map(async (token) => ({
      token: token.name,
      keys: await onToken(token, (open) => open.aesKeys()),
    })),
  );
  const { stateDirectory } = config.ivBudget;
  const counts = stateDirectory === undefined ? undefined : readCounts(stateDirectory);
  const versions = key.versions.map((version) => ({
    ...describeVersion(version),
    ...(counts !== undefined && { encryptions: counts.get(selectorName(version.selector)) ?? 0 }),
    found: onTokens.flatMap(({ token, keys }): FoundKey[] => {
      const matches = keys.filter((candidate) => isMatch(candidate, version.selector));
      if (matches.length === 0) return [{ token, present: false }];
      return matches.map((match) => ({ ...match, token, present: true, id: hex(match.id) }));
    }),
  }));
  return { ...describeKey(config, store, key), versions };
}

function describeVersion({ version, selector, encryptsFrom }: KeyVersionConfig): VersionDescription {
  const from = encryptsFrom && { encryptsFrom: encryptsFrom.toISOString() };
  return { version, ...selectorText(selector), ...from };
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
