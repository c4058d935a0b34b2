import { isStale } from '../errors.ts';
import * as ck from '../library/cryptoki.ts';
import type { Session } from '../sessions/token-sessions.ts';
import {
  findObjects,
  isRefused,
  type KeySelector,
  readAttribute,
  readAttributes,
  selectorTemplate,
} from './objects.ts';

/** The objects of one kind on a token, by label and id. */
export interface KeyDirectory {
  /**
   * Returns the handles of the objects that fit the selector, two at most. With `fresh` the token itself searches; without,
   * a second object that was added within the last ten seconds may be missed, or one renamed within the last minute.
   *
   * @throws Pkcs11Error; TypeError without label and id
   */
  find(session: Session, selector: KeySelector, options: { readonly fresh: boolean }): readonly ck.Handle[];
}

/**
 * A search takes a token time in proportion to its objects: one for each of hundreds of keys would delay the start of a
 * program, and later block its event loop. A caller that looks up many keys gets them from a list of all, which takes one
 * search. The list also takes a reading of each key, in time that the searches of the caller have taken before, and a little
 * at a time: behind a network, the keys of others could take seconds. Until all are read, the token searches.
 *
 * @param kind the attributes that all of the objects have
 */
export function keyDirectory(cryptoki: ck.Cryptoki, kind: ck.Template): KeyDirectory {
  // The entry that was read longest ago comes first.
  const entries = new Map<string, Entry>();
  let epoch: number | undefined;
  let periodEndMs = Number.NEGATIVE_INFINITY;
  let searches = 0;
  /** The time that the searches of this period have taken, less that of the list. */
  let spareMs = 0;
  /** The objects that the list has yet to read; undefined before there is one. */
  let unread: Map<string, ck.Handle> | undefined;

  const attributesOf = (session: ck.Handle, handle: ck.Handle): Pick<Entry, 'label' | 'id'> => {
    try {
      const attribute = readAttributes(cryptoki, session, handle, [ck.CKA_LABEL, ck.CKA_ID]);
      return { label: attribute(ck.CKA_LABEL).toString('utf8'), id: attribute(ck.CKA_ID) };
    } catch (error) {
      if (!isRefused(error)) throw error;
      const label = readAttribute(cryptoki, session, handle, ck.CKA_LABEL)?.toString('utf8');
      return { label, id: readAttribute(cryptoki, session, handle, ck.CKA_ID) };
    }
  };
  const read = (session: ck.Handle, name: string, handle: ck.Handle): Entry => {
    entries.delete(name);
    const entry = { handle, ...attributesOf(session, handle), readAtMs: performance.now() };
    entries.set(name, entry);
    return entry;
  };
  /**
   * Returns undefined if that fails. The object may be gone, or the session, which the search that follows shows; or it has
   * the label of another, so that the list is not used until it is read or gone.
   */
  const readAgain = (session: ck.Handle, name: string, handle: ck.Handle): Entry | undefined => {
    try {
      return read(session, name, handle);
    } catch {
      unread?.set(name, handle);
      return undefined;
    }
  };
  const list = (session: ck.Handle): Map<string, ck.Handle> => {
    const found = findObjects(cryptoki, session, kind, Number.POSITIVE_INFINITY);
    const handles = new Map(found.map((handle) => [handle.toString('hex'), handle]));
    for (const name of entries.keys()) if (!handles.delete(name)) entries.delete(name);
    return handles;
  };
  const readUntil = (endMs: number, session: ck.Handle, handles: Map<string, ck.Handle>): void => {
    for (const [name, handle] of handles) {
      if (performance.now() > endMs) return;
      try {
        read(session, name, handle);
        handles.delete(name);
      } catch (error) {
        // The object is gone, or the session is, which the search that follows shows. Any other object is tried again later:
        // it may have the label of another.
        if (isStale(error)) handles.delete(name);
        return;
      }
    }
  };
  /** Updates the list where that is worth its cost, and returns whether it is up to date. */
  const updateList = (session: Session): boolean => {
    const nowMs = performance.now();
    if (session.epoch !== epoch || nowMs > periodEndMs) {
      if (session.epoch !== epoch) entries.clear();
      epoch = session.epoch;
      periodEndMs = nowMs + PERIOD_MS;
      searches = 0;
      spareMs = 0;
      unread = undefined;
    }
    if (unread === undefined && ++searches > SEARCHES_BEFORE_LISTING) unread = list(session.handle);
    if (unread === undefined) return false;
    if (unread.size > 0) {
      readUntil(nowMs + Math.min(spareMs, MAX_LISTING_MS), session.handle, unread);
      spareMs -= performance.now() - nowMs;
      if (unread.size > 0) return false;
    }
    // A few at a time: reading all at once would delay a request. If one read fails, the others may too.
    let left = READ_AT_ONCE;
    for (const [name, { handle, readAtMs }] of entries) {
      if (left === 0 || nowMs - readAtMs <= MAX_AGE_MS / 2) break;
      if (readAgain(session.handle, name, handle) === undefined) break;
      left -= 1;
    }
    if (unread.size > 0) return false;
    const [oldest] = entries.values();
    return oldest === undefined || nowMs - oldest.readAtMs <= MAX_AGE_MS;
  };
  /** Returns the only entry that fits the selector, unless it has changed since it was read. */
  const findInList = ({ handle: session }: Session, selector: KeySelector): Entry | undefined => {
    const matches = [...entries.values()].filter((entry) => fitsSelector(entry, selector));
    const [match] = matches;
    if (match === undefined || matches.length > 1) return undefined;
    const { handle } = match;
    const entry = readAgain(session, handle.toString('hex'), handle);
    return entry !== undefined && fitsSelector(entry, selector) ? entry : undefined;
  };

  return {
    find(session, selector, { fresh }) {
      const template = selectorTemplate(selector);
      const entry = !fresh && updateList(session) ? findInList(session, selector) : undefined;
      if (entry !== undefined) return [entry.handle];
      const startedAtMs = performance.now();
      const found = findObjects(cryptoki, session.handle, [...kind, ...template]);
      spareMs += performance.now() - startedAtMs;
      return found;
    },
  };
}

function fitsSelector(entry: Entry, { label, id }: KeySelector): boolean {
  return (
    (label === undefined || label === entry.label) && (id === undefined || entry.id?.equals(id) === true)
  );
}

interface Entry {
  readonly handle: ck.Handle;
  /** Undefined, as is the id, if the token refuses it: then no search finds the object by it. */
  readonly label: string | undefined;
  readonly id: Buffer | undefined;
  readonly readAtMs: number;
}

const PERIOD_MS = 10_000;
const MAX_AGE_MS = 60_000;
const READ_AT_ONCE = 4;
/** In one lookup, which may block the event loop or have a deadline. */
const MAX_LISTING_MS = 25;
/** In one period. On a token with a few hundred keys, the list costs as much as this many searches. */
const SEARCHES_BEFORE_LISTING = 8;
