import * as ck from './cryptoki.ts';
import { findObjects, type KeySelector, readAttributes, selectorTemplate } from './objects.ts';
import type { Session } from './sessions.ts';

/** The objects of one kind that a token has, by label and id. */
export interface KeyDirectory {
  /**
   * Handles of those that the selector fits, two at most. With `fresh` the token itself searches; without, a second
   * one that came within the last ten seconds may be missed.
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
  let entries = new Map<string, Entry>();
  let epoch: number | undefined;
  let periodEndMs = Number.NEGATIVE_INFINITY;
  let searches = 0;
  let isListed = false;

  const readEntry = (session: ck.Handle, handle: ck.Handle): Entry => {
    const read = readAttributes(cryptoki, session, handle, [ck.CKA_LABEL, ck.CKA_ID]);
    return { handle, label: read(ck.CKA_LABEL).toString('utf8'), id: read(ck.CKA_ID) };
  };
  /** Whether the list is up to date, which it is only while it is worth its cost. */
  const consult = (session: Session): boolean => {
    const nowMs = performance.now();
    if (session.epoch !== epoch || nowMs > periodEndMs) {
      if (session.epoch !== epoch) entries = new Map();
      epoch = session.epoch;
      periodEndMs = nowMs + PERIOD_MS;
      searches = 0;
      isListed = false;
    }
    if (isListed || ++searches <= SEARCHES_BEFORE_LISTING) return isListed;
    const listed = new Map<string, Entry>();
    for (const handle of findObjects(cryptoki, session.handle, kind, Number.POSITIVE_INFINITY)) {
      const name = handle.toString('hex');
      listed.set(name, entries.get(name) ?? readEntry(session.handle, handle));
    }
    entries = listed;
    isListed = true;
    return true;
  };
  /** The only entry that the selector fits, if it is still what it was when it was read. */
  const listed = ({ handle: session }: Session, selector: KeySelector): Entry | undefined => {
    const matches = [...entries.values()].filter((entry) => fits(entry, selector));
    const [match] = matches;
    if (match === undefined || matches.length > 1) return undefined;
    try {
      if (fits(readEntry(session, match.handle), selector)) return match;
    } catch {
      // It is gone, or the session is: the search will tell.
    }
    entries.delete(match.handle.toString('hex'));
    return undefined;
  };

  return {
    find(session, selector, { fresh }) {
      const template = selectorTemplate(selector);
      const entry = !fresh && consult(session) ? listed(session, selector) : undefined;
      return entry ? [entry.handle] : findObjects(cryptoki, session.handle, [...kind, ...template]);
    },
  };
}

function fits(entry: Entry, { label, id }: KeySelector): boolean {
  return (label === undefined || label === entry.label) && (id === undefined || entry.id.equals(id));
}

interface Entry {
  readonly handle: ck.Handle;
  readonly label: string;
  readonly id: Buffer;
}

const PERIOD_MS = 10_000;
/** In one period. The list costs as much as that many searches, in a token with a few hundred keys. */
const SEARCHES_BEFORE_LISTING = 8;
