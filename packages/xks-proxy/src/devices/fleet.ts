import { setImmediate } from 'node:timers/promises';
import type { IvBudget } from '../budget/iv-budget.ts';
import type { ProxyConfig, TokenConfig } from '../config/config.ts';
import { currentVersion, keyUsages, lastVersion } from '../config/key-versions.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import type { ProxyLog } from '../log.ts';
import { XksProxyError } from '../proxy-error.ts';
import { PRODUCT_VERSION } from '../version.ts';
import { failoverDevice } from './failover.ts';
import { type BorrowedKey, type DeviceHealth, deviceHealth } from './health.ts';
import type { KeyDevice } from './key-device.ts';
import { selectorName } from './key-selector.ts';
import { areThreadsLost } from './late-calls.ts';
import {
  awaitToken,
  isPassing,
  isSameButForPin,
  isSameToken,
  type OpenToken,
  type OpenTokenOptions,
  openToken,
} from './open-token.ts';
import { compareSharedKeys, holdersOf } from './shared-keys.ts';

/** The tokens behind the proxy, as one configuration has them. */
export interface Fleet {
  readonly description: FleetDescription;
  /** In the order of the configuration; never empty. */
  readonly members: readonly FleetMember[];
  /** The device that a key lives on: its token, or those that it names as one. */
  deviceOf(key: StoreKeyConfig): KeyDevice;
  /** Whether all tokens are lost to this process, or all threads of libuv: so many calls never returned. */
  isStuck(): boolean;
  /** Lets go of the tokens; those that no other fleet holds are closed. */
  release(): Promise<void>;
}

/** What several fleets share, one after the other. */
export interface FleetParts {
  readonly log: ProxyLog;
  readonly budget: IvBudget;
}

/** What GetHealthStatus tells besides the state of each member. */
interface FleetDescription {
  readonly fleetSize: number;
  readonly proxyVendor: string;
  readonly proxyModel: string;
  readonly ekmVendor: string;
}

/** One token. */
interface FleetMember {
  readonly token: OpenToken;
  /** Unique in the fleet. */
  readonly id: string;
  readonly model: string;
  readonly health: DeviceHealth;
}

/**
 * Opens the tokens of a configuration, or shares those of the fleet before it that have not changed. Logs each key
 * that cannot be used. A token that is out does not prevent a start, as long as another one works, nor a reload, as long as
 * the configuration keeps all tokens that work. Rejects with XksProxyError `TOKEN_UNAVAILABLE` or `PIN_REFUSED`; then no
 * token is held that was not before.
 */
export async function openFleet(
  config: ProxyConfig,
  { log, budget }: FleetParts,
  before?: Fleet,
): Promise<Fleet> {
  const tokens: OpenToken[] = [];
  const outages: { readonly name: string; readonly error: XksProxyError }[] = [];
  const opened = async (tokenConfig: TokenConfig): Promise<OpenToken> => {
    const { name } = tokenConfig;
    const withOtherPin = memberOf(before, (open) => isSameButForPin(open, tokenConfig));
    const wasOut = withOtherPin?.isOut();
    const options = {
      budget,
      onChange: (status, cause) => log.health(name, status, cause),
      isInUse: wasOut === false,
    } as const satisfies OpenTokenOptions;
    try {
      return await openToken(tokenConfig, options);
    } catch (error) {
      // A token that is out must not take the others with it, nor keep all else from being followed, such as a key that is
      // blocked. But a token that works is not given up for one that does not: the new configuration must be mistaken.
      const isBorne = (failure: XksProxyError) =>
        wasOut === true || (isPassing(failure) && isAddition(tokenConfig, config, before));
      if (!(error instanceof XksProxyError) || !isBorne(error)) throw error;
      outages.push({ name, error });
      return awaitToken(tokenConfig, error, options);
    }
  };
  try {
    for (const tokenConfig of config.tokens) {
      const shared = memberOf(before, (open) => isSameToken(open, tokenConfig));
      shared?.hold();
      tokens.push(shared ?? (await opened(tokenConfig)));
    }
    const [outage] = outages;
    if (before === undefined && outage !== undefined && outages.length === config.tokens.length) {
      throw outage.error;
    }
    for (const { name, error } of outages) log.health(name, 'UNAVAILABLE', error.cause);
  } catch (error) {
    await Promise.all(tokens.map((token) => token.release()));
    throw error;
  }
  const members = await Promise.all(tokens.map((token) => member(token, config, log)));
  const [first] = members;
  if (first === undefined) throw new TypeError('tokens: expected one at least');
  const retries = setInterval(() => tryTokensThatAreOut(members), RETRY_INTERVAL_MS).unref();
  const released = new AbortController();
  void compareSharedKeys(config, tokens, log, released.signal);
  return {
    description: description(config, first.token),
    members,
    deviceOf(key) {
      const [only, ...others] = holdersOf(key, tokens).map(({ device, status }) => ({
        device,
        isWell: () => status() !== 'UNAVAILABLE',
      }));
      if (only === undefined) throw new TypeError('tokens: expected one at least');
      return others.length === 0 ? only.device : failoverDevice([only, ...others], config.server.timeoutMs);
    },
    isStuck: () => areThreadsLost() || tokens.every((token) => token.isStuck()),
    async release() {
      clearInterval(retries);
      released.abort();
      await Promise.all(tokens.map((token) => token.release()));
    },
  };
}

/** Whether a configuration keeps all tokens that work, although one of its own is out. */
function isAddition({ name }: TokenConfig, { tokens }: ProxyConfig, before: Fleet | undefined): boolean {
  const others = new Set(tokens.map((token) => token.name).filter((other) => other !== name));
  return before?.members.every(({ token }) => token.isOut() || others.has(token.config.name)) ?? true;
}

/** Returns the token of a fleet whose configuration satisfies a condition. */
function memberOf(fleet: Fleet | undefined, is: (open: TokenConfig) => boolean): OpenToken | undefined {
  return fleet?.members.find(({ token }) => is(token.config))?.token;
}

async function member(token: OpenToken, config: ProxyConfig, log: ProxyLog): Promise<FleetMember> {
  const { name, healthKeyLabel } = token.config;
  return {
    token,
    get id() {
      return token.info.serial;
    },
    get model() {
      return config.health.ekmModel ?? token.info.model;
    },
    health: deviceHealth({
      device: token.device,
      calls: () => token.status(),
      keyLabel: healthKeyLabel,
      // No key can be found on a token that is out, which says nothing about the keys.
      borrowed: token.isOut() ? [] : await checkedKeys(token, config, log),
      timeoutMs: config.server.timeoutMs,
      onChange: (status, cause) => log.health(name, status, cause),
      onKeyFailure: (key, cause) => log.keyUnavailable(key, cause),
    }),
  };
}

/** Tries the tokens that are out: requests do so only while no other token serves them. */
function tryTokensThatAreOut(members: readonly FleetMember[]): void {
  for (const { token, health } of members) {
    const { open, idle, hung } = token.sessions();
    // Where a call has not returned, the next might not either.
    if (token.isOut() && idle === open && hung === 0) void health.status();
  }
}

/** Logs the keys that a token should have and cannot be used; returns those that its health may be probed with. */
async function checkedKeys(
  { device, config: { name } }: OpenToken,
  { stores }: ProxyConfig,
  log: ProxyLog,
): Promise<readonly BorrowedKey[]> {
  const usable = new Map<string, BorrowedKey>();
  for (const { name: store, keys } of stores) {
    for (const key of keys) {
      if (key.tokens !== undefined && !key.tokens.includes(name)) continue;
      // Where calls are inline the lookups of hundreds of keys would be one long turn of the event loop.
      await setImmediate();
      // That a key is missing which will encrypt in a moment had better be known now.
      for (const { selector } of new Set([currentVersion(key), lastVersion(key)])) {
        const named = { store, externalKeyId: key.externalKeyId, selector };
        try {
          const usages = keyUsages(key, await device.usages(selector));
          const id = selectorName(selector);
          if (key.status === 'ENABLED' && usages.length === 2 && !usable.has(id)) usable.set(id, named);
        } catch (error) {
          log.keyUnavailable(named, error);
        }
      }
    }
  }
  return [...usable.values()];
}

function description({ health }: ProxyConfig, token: OpenToken): FleetDescription {
  return {
    fleetSize: health.fleetSize,
    proxyVendor: health.proxyVendor ?? 'Holdfast',
    proxyModel: health.proxyModel ?? `Holdfast XKS proxy ${PRODUCT_VERSION}`,
    get ekmVendor() {
      return health.ekmVendor ?? token.info.manufacturer;
    },
  };
}

const RETRY_INTERVAL_MS = 500;
