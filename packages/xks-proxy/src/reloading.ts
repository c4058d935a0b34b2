import { atInstant } from './at-instant.ts';
import { followed } from './config/certificate-dates.ts';
import type { ProxyConfig } from './config/config.ts';
import { keepForStart } from './config/late-changes.ts';
import type { ProxyLog } from './log.ts';
import { XksProxyError } from './proxy-error.ts';
import { type Serving, servedFields } from './serving.ts';

/** What is served, and another configuration that takes its place. */
export interface Reloading {
  current(): Serving;
  /** Serves another configuration from now on, see `RunningProxy`. One at a time: each takes over from the one before. */
  reload(load: () => ProxyConfig): Promise<void>;
  /** Waits for the reload under way, and retires all that was ever served; afterwards `reload` does nothing. */
  close(): Promise<void>;
}

/** How another configuration gets its place, and who is told. */
export interface ReloadingOptions {
  readonly log: ProxyLog;
  /** Opens what takes the place of `before`, and gives it the place; what rejects has changed nothing. */
  readonly replace: (config: ProxyConfig, before: Serving) => Promise<Serving>;
  readonly record: (event: 'reloaded' | 'reload-refused', serving: Serving) => Promise<void>;
  /** Whether it is too late for another one. */
  readonly isDraining: () => boolean;
}

/** Begins with what is served at first. */
export function reloading(first: Serving, { log, replace, record, isDraining }: ReloadingOptions): Reloading {
  let current = first;
  let underWay = Promise.resolve();
  let forget = (): void => undefined;
  // Those that still have requests under way: it is their clients who decide how long that takes.
  const retiring = new Set<Promise<unknown>>();
  const retire = (before: Serving): void => {
    const retired: Promise<unknown> = before
      .retire()
      .catch((error: unknown) => log.serverError(error))
      .then(() => retiring.delete(retired));
    retiring.add(retired);
  };
  const follow = async (load: () => ProxyConfig): Promise<void> => {
    if (isDraining()) return;
    const before = current;
    const { keptOut, awaitingStart } = await replaced(load).catch(async (error: unknown) => {
      log.reloadRefused(error instanceof XksProxyError ? error.message.split('\n') : [], error);
      await record('reload-refused', before);
      throw error;
    });
    log.reloaded({ ...servedFields(current), awaitingStart });
    forget();
    if (keptOut !== undefined) log.certificateNotValid({ problem: keptOut.problem, isServed: false });
    // What is refused then is in the log.
    const again = () => void reload(load).catch(() => undefined);
    if (keptOut?.validFromMs !== undefined) forget = atInstant(keptOut.validFromMs, again);
    retire(before);
    await record('reloaded', current);
  };
  const replaced = async (load: () => ProxyConfig) => {
    const { config: early, awaitingStart } = keepForStart(load(), current.config);
    const { config, keptOut } = followed(early, current.config);
    current = await replace(config, current);
    return { keptOut, awaitingStart };
  };
  const reload = (load: () => ProxyConfig): Promise<void> => {
    const done = underWay.then(() => follow(load));
    underWay = done.catch(() => undefined);
    return done;
  };
  return {
    current: () => current,
    reload,
    async close() {
      await underWay;
      forget();
      await Promise.all([...retiring, current.retire()]);
    },
  };
}
