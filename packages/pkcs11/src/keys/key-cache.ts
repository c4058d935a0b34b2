import type { PreparedCall } from '../cipher/cipher-calls.ts';
import { isExhausted } from '../errors.ts';
import type { CallOptions, SessionPool } from '../sessions/session-pool.ts';
import type { Session } from '../sessions/token-sessions.ts';
import { assertSelector, type KeySelector } from './objects.ts';

/** A key as it was found. Its handles are valid on sessions of that epoch. */
export interface FoundKey {
  readonly epoch: number;
}

/** The state behind a key object: the key as it was found last, and calls with the handles that are valid now. */
export interface CachedKey<F extends FoundKey> {
  /** As it was found last. */
  readonly found: F;
  /**
   * Prepares a call synchronously, runs it on a session with the handles of an up-to-date lookup, and wipes it.
   *
   * @throws what `prepare` throws; Pkcs11Error; the reason of an aborted signal
   */
  run<T>(prepare: () => PreparedCall<F, T>, options?: CallOptions): Promise<T>;
}

/** Looks up keys of one kind. The same selector always returns the same object. */
export type KeyLookup<Key> = (selector: KeySelector, options?: { readonly fresh?: boolean }) => Key;

/**
 * Returns a lookup that caches keys of one kind. A search takes time in proportion to the objects of the token, so `find`
 * runs again only in a new epoch, and once a minute: a second key under the same label, or changed usages, do not go
 * unnoticed for much longer.
 *
 * @param find throws what the lookup throws
 * @param createKey makes the object that callers get
 */
export function keyCache<F extends FoundKey, Key>(
  pool: SessionPool,
  find: (session: Session, selector: KeySelector, options: { readonly fresh: boolean }) => F,
  createKey: (cached: CachedKey<F>) => Key,
): KeyLookup<Key> {
  const keys = new Map<
    string,
    { readonly key: Key; readonly refresh: (options: { readonly always: boolean }) => void }
  >();
  return (wanted, { fresh = false } = {}) => {
    assertSelector(wanted);
    const { label, id } = wanted;
    const idName = id === undefined ? 'any' : Buffer.from(id).toString('hex');
    const name = label === undefined ? idName : `${idName} ${label}`;
    const known = keys.get(name);
    known?.refresh({ always: fresh });
    if (known !== undefined) return known.key;
    const selector = { ...(label === undefined ? {} : { label }), ...(id && { id: new Uint8Array(id) }) };
    const { cached, refresh } = cacheKey(pool, (session, options) => find(session, selector, options), fresh);
    const key = createKey(cached);
    keys.set(name, { key, refresh });
    return key;
  };
}

function cacheKey<F extends FoundKey>(
  pool: SessionPool,
  find: (session: Session, options: { readonly fresh: boolean }) => F,
  fresh: boolean,
) {
  let found = pool.runNow((session) => find(session, { fresh }));
  let foundAtMs = performance.now();
  const isOld = (): boolean => performance.now() - foundAtMs > MAX_AGE_MS;
  const findAgain = (session: Session, always = false): void => {
    try {
      found = find(session, { fresh: always });
      foundAtMs = performance.now();
    } catch (error) {
      // What is known of the key is not true any more: the next call looks it up again.
      foundAtMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  };
  const cached: CachedKey<F> = {
    get found() {
      return found;
    },
    async run(prepare, options) {
      const call = prepare();
      try {
        return await pool.run((session) => {
          if (found.epoch !== session.epoch || isOld()) findAgain(session);
          return call.run(session.handle, found);
        }, options);
      } finally {
        call.wipe();
      }
    },
  };
  return {
    cached,
    refresh: ({ always }: { readonly always: boolean }): void => {
      if (!always && !isOld()) return;
      try {
        pool.runNow((session) => findAgain(session, always));
      } catch (error) {
        // A call on the key can wait for a session, which this cannot, and looks the key up then.
        if (always || !isExhausted(error)) throw error;
      }
    },
  };
}

const MAX_AGE_MS = 60_000;
