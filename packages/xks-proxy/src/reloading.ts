import { atInstant } from './at-instant.ts';
import { withValidCertificate } from './config/certificate-dates.ts';
import type { ProxyConfig } from './config/config.ts';
import { keepForStart } from './config/late-changes.ts';
import type { ProxyLog } from './log.ts';
import { XksProxyError, type XksProxyErrorCode } from './proxy-error.ts';
import { type Serving, servedFields } from './serving.ts';

/** What is served, and another configuration that takes its place. */
export interface Reloading {
  current(): Serving;
  /** Serves another configuration from now on, see `RunningProxy`. One at a time: each takes over from the one before. */
  reload(load: () => ProxyConfig): Promise<void>;
  /** Waits for the reload under way, and retires all that was ever served; afterwards `reload` does nothing. */
  close(): Promise<void>;
}

/** How another configuration gets its place, and where that is recorded. */
export interface ReloadingOptions {
  readonly log: ProxyLog;
  /** Opens what takes the place of `before`, and gives it the place; what rejects has changed nothing. */
  readonly replace: (config: ProxyConfig, before: Serving) => Promise<Serving>;
  readonly record: (event: 'reloaded' | 'reload-refused', serving: Serving) => Promise<void>;
  /** Whether the proxy is being closed, so that it is too late for another configuration. */
  readonly isDraining: () => boolean;
}

/**
 * Begins with what is served at first. A reload that was refused is tried again until one succeeds, since the reason may
 * pass without a change of a file: too few descriptors, a file server or a token that is out. The log tells of such a trial
 * when it ends otherwise than the one before.
 */
export function reloading(first: Serving, { log, replace, record, isDraining }: ReloadingOptions): Reloading {
  let current = first;
  let underWay = Promise.resolve();
  let forget = (): void => undefined;
  let retry: NodeJS.Timeout | undefined;
  let loadMs = 0;
  // The ones that still have requests under way: the clients of those requests decide how long that takes.
  const retiring = new Set<Promise<unknown>>();
  const retire = (before: Serving): void => {
    const retired: Promise<unknown> = before
      .retire()
      .catch((error: unknown) => log.serverError(error))
      .then(() => retiring.delete(retired));
    retiring.add(retired);
  };
  const follow = async (load: () => ProxyConfig, refused?: Refused): Promise<void> => {
    clearTimeout(retry);
    if (isDraining()) return;
    const before = current;
    const { keptOut, awaitingStart } = await replaced(load).catch(async (error: unknown) => {
      const reason = error instanceof Error ? error.message : typeof error;
      if (reason !== refused?.reason) {
        log.reloadRefused(error instanceof XksProxyError ? error.message.split('\n') : [], error);
        await record('reload-refused', before);
      }
      const maxDelayMs = MAX_RETRY_MS[error instanceof XksProxyError ? error.code : 'CONFIG_INVALID'];
      if (maxDelayMs === undefined) throw error;
      const delayMs = Math.max(
        Math.min(refused === undefined ? RETRY_MS : refused.delayMs * 2, maxDelayMs),
        loadMs / MAX_LOAD_SHARE,
      );
      // Not before the record: a reload that waits in the meantime comes first, and calls this one off.
      retry = setTimeout(
        () => void inTurn(load, { reason, delayMs }).catch(() => undefined),
        delayMs,
      ).unref();
      throw error;
    });
    log.reloaded({ ...servedFields(current), awaitingStart });
    forget();
    if (keptOut !== undefined) log.certificateNotValid({ problem: keptOut.problem, isServed: false });
    // What is refused then is in the log.
    const again = () => void inTurn(load).catch(() => undefined);
    if (keptOut?.validFromMs !== undefined) forget = atInstant(keptOut.validFromMs, again);
    retire(before);
    await record('reloaded', current);
  };
  const timed = (load: () => ProxyConfig): ProxyConfig => {
    const startedAtMs = performance.now();
    try {
      return load();
    } finally {
      loadMs = performance.now() - startedAtMs;
    }
  };
  const replaced = async (load: () => ProxyConfig) => {
    const { config: early, awaitingStart } = keepForStart(timed(load), current.config);
    const { config, keptOut } = withValidCertificate(early, current.config);
    current = await replace(config, current);
    return { keptOut, awaitingStart };
  };
  const inTurn = (load: () => ProxyConfig, refused?: Refused): Promise<void> => {
    const done = underWay.then(() => follow(load, refused));
    underWay = done.catch(() => undefined);
    return done;
  };
  return {
    current: () => current,
    reload: (load) => inTurn(load),
    async close() {
      await underWay;
      clearTimeout(retry);
      forget();
      await Promise.all([...retiring, current.retire()]);
    },
  };
}

/** A reload that is tried again. */
interface Refused {
  readonly reason: string;
  /** The delay before this trial; it is doubled for the next one, within limits. */
  readonly delayMs: number;
}

const RETRY_MS = 500;
/** To load a configuration keeps requests waiting: one of thousands of keys is loaded more seldom. */
const MAX_LOAD_SHARE = 0.01;
/**
 * The longest time between two trials, by the reason of the refusal. To open a token costs a process, a login and sessions.
 * Not in the list is a PIN that was refused: it would be refused again, and a token locks itself over it.
 */
const MAX_RETRY_MS: Readonly<Partial<Record<XksProxyErrorCode, number>>> = {
  CONFIG_INVALID: 8_000,
  TOKEN_UNAVAILABLE: 60_000,
};
