import * as ck from '../library/cryptoki.ts';
import type { Session } from '../sessions/token-sessions.ts';
import { findObjects, type KeySelector, readAttributes, selectorTemplate } from './objects.ts';

/** The objects of one kind that a token has, by label and id. */
export interface KeyDirectory {
  /**
   * Handles of those that the selector fits, two at most. With `fresh` the token itself searches; without, a second
   * one that came within the last ten seconds may be missed, and one that was renamed within the last minute.
   *
   * @throws Pkcs11Error; TypeError without label and id
   */
  find(session: Session, selector: KeySelector, options: { readonly fresh: boolean }): readonly ck.Handle[];
}

/**
 * A search takes a token as long as it has objects: one for each of hundreds of keys would hold up the start of a
 * program, and later its event loop. Whoever looks up many is answered from a list of all, which takes one search.
 *
 * @param kind what all of them have in common
 */
export function keyDirectory(cryptoki: ck.Cryptoki, kind: ck.Template): KeyDirectory {
  // What was read longest ago comes first.
  const entries = new Map<string, Entry>();
  let epoch: number | undefined;
  let periodEndMs = Number.NEGATIVE_INFINITY;
  let searches = 0;
  let isListed = false;

  const read = (session: ck.Handle, name: string, handle: ck.Handle): Entry => {
    entries.delete(name);
    const attribute = readAttributes(cryptoki, session, handle, [ck.CKA_LABEL, ck.CKA_ID]);
    const label = attribute(ck.CKA_LABEL).toString('utf8');
    const entry = { handle, label, id: attribute(ck.CKA_ID), readAtMs: performance.now() };
    entries.set(name, entry);
    return entry;
  };
  /** Undefined if it is gone, or the session is: the search will tell. */
  const readAgain = (session: ck.Handle, name: string, handle: ck.Handle): Entry | undefined => {
    try {
      return read(session, name, handle);
    } catch {
      return undefined;
    }
  };
  const list = (session: ck.Handle): void => {
    const found = findObjects(cryptoki, session, kind, Number.POSITIVE_INFINITY);
    const handles = new Map(found.map((handle) => [handle.toString('hex'), handle]));
    for (const name of entries.keys()) if (!handles.delete(name)) entries.delete(name);
    for (const [name, handle] of handles) read(session, name, handle);
    isListed = true;
  };
  /** Whether the list is up to date, which it is only while it is worth its cost. */
  const updateList = (session: Session): boolean => {
    const nowMs = performance.now();
    if (session.epoch !== epoch || nowMs > periodEndMs) {
      if (session.epoch !== epoch) entries.clear();
      epoch = session.epoch;
      periodEndMs = nowMs + PERIOD_MS;
      searches = 0;
      isListed = false;
    }
    if (!isListed && ++searches > SEARCHES_BEFORE_LISTING) list(session.handle);
    if (!isListed) return false;
    // A few at a time: all at once would hold up a request. Where one fails, the others may too.
    let left = READ_AT_ONCE;
    for (const [name, { handle, readAtMs }] of entries) {
      if (left === 0 || nowMs - readAtMs <= MAX_AGE_MS / 2) break;
      if (readAgain(session.handle, name, handle) === undefined) break;
      left -= 1;
    }
    const [oldest] = entries.values();
    return oldest === undefined || nowMs - oldest.readAtMs <= MAX_AGE_MS;
  };
  /** The only entry that the selector fits, if it is still what it was when it was read. */
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
      return entry ? [entry.handle] : findObjects(cryptoki, session.handle, [...kind, ...template]);
    },
  };
}

function fitsSelector(entry: Entry, { label, id }: KeySelector): boolean {
  return (label === undefined || label === entry.label) && (id === undefined || entry.id.equals(id));
}

interface Entry {
  readonly handle: ck.Handle;
  readonly label: string;
  readonly id: Buffer;
  readonly readAtMs: number;
}

const PERIOD_MS = 10_000;
const MAX_AGE_MS = 60_000;
const READ_AT_ONCE = 4;
/** In one period. The list costs as much as that many searches, in a token with a few hundred keys. */
const SEARCHES_BEFORE_LISTING = 8;
