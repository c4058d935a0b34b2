import { KmsException } from '../kms-exception.ts';

/** What a list request asks for: at most `limit` entries, those after `marker`. */
export interface PageRequest {
  readonly limit: number;
  readonly marker: string | undefined;
}

/** The closing members of every list response. */
export interface PageEnd {
  readonly Truncated: boolean;
  readonly NextMarker?: string;
}

/**
 * One page of `entries`, which are in the order of their ids.
 *
 * A marker holds the id of the last entry of its page, so pages stay right when entries come and go between
 * two requests. Throws InvalidMarkerException for a marker that no list of this `kind` handed out.
 */
export function pageOf<Entry>(
  kind: string,
  entries: readonly Entry[],
  idOf: (entry: Entry) => string,
  { limit, marker }: PageRequest,
): { readonly entries: readonly Entry[]; readonly end: PageEnd } {
  const after = marker === undefined ? undefined : idInMarker(kind, marker);
  const rest = after === undefined ? entries : entries.filter((entry) => idOf(entry) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  if (last === undefined || page.length === rest.length) return { entries: page, end: { Truncated: false } };
  return { entries: page, end: { Truncated: true, NextMarker: markerOf(kind, idOf(last)) } };
}

function markerOf(kind: string, id: string): string {
  return Buffer.from(`${kind}:${id}`, 'utf8').toString('base64url');
}

function idInMarker(kind: string, marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString('utf8');
  const id = text.slice(kind.length + 1);
  if (id === '' || markerOf(kind, id) !== marker) {
    throw new KmsException('InvalidMarkerException', 'The marker is not one that this list returned.');
  }
  return id;
}
