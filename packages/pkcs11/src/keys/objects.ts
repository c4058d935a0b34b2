import { callCryptoki, Pkcs11Error } from '../errors.ts';
import * as ck from '../library/cryptoki.ts';

/** What a key may be used for: its CKA_ENCRYPT and CKA_DECRYPT attributes. */
export type KeyUsage = 'ENCRYPT' | 'DECRYPT';

/** Names a key by CKA_LABEL, by CKA_ID, or by both. */
export interface KeySelector {
  readonly label?: string;
  readonly id?: Uint8Array;
}

/** Returns handles of objects that have all these attributes. Two are enough to tell whether there is exactly one. */
export function findObjects(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  attributes: ck.Template,
  limit = 2,
): readonly ck.Handle[] {
  callCryptoki('C_FindObjectsInit', () => cryptoki.C_FindObjectsInit(session, attributes));
  const end = (): void => cryptoki.C_FindObjectsFinal(session);
  const handles: ck.Handle[] = [];
  try {
    for (let isEnd = false; !isEnd && handles.length < limit; ) {
      const wanted = Math.min(limit - handles.length, BATCH);
      const found = callCryptoki('C_FindObjects', () => cryptoki.C_FindObjects(session, wanted));
      handles.push(...found);
      // A token may return fewer handles than it has: only an empty result is the end (PKCS #11 v2.40, C_FindObjects).
      isEnd = found.length === 0;
    }
  } catch (error) {
    try {
      end();
    } catch {
      // The error of the search says more.
    }
    throw error;
  }
  callCryptoki('C_FindObjectsFinal', end);
  return handles;
}

/**
 * Reads attributes of an object, and returns a function from the type of an attribute to its bytes.
 *
 * @param types each must be an attribute of this kind of object: some tokens refuse all of them for one that is not
 */
export function readAttributes(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  object: ck.Handle,
  types: readonly number[],
): (type: number) => Buffer {
  const wanted = types.map((type) => ({ type }));
  const values = callCryptoki('C_GetAttributeValue', () =>
    cryptoki.C_GetAttributeValue(session, object, wanted),
  );
  const bytes = new Map(values.map(({ type, value }) => [type, value]));
  return (type) => bytes.get(type) ?? Buffer.alloc(0);
}

/**
 * Reads one attribute of an object, and returns undefined if the token refuses it. Asked for several, some tokens refuse all of
 * them for one that the object does not have.
 */
export function readAttribute(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  object: ck.Handle,
  type: number,
): Buffer | undefined {
  try {
    return callCryptoki(
      'C_GetAttributeValue',
      () => cryptoki.C_GetAttributeValue(session, object, [{ type }])[0]?.value,
    );
  } catch (error) {
    if (isRefused(error)) return undefined;
    throw error;
  }
}

/** Whether a token has refused what it was asked for, such as an attribute that an object lacks. */
export function isRefused(error: unknown): boolean {
  return error instanceof Pkcs11Error && error.code === 'INPUT_REFUSED';
}

/**
 * Throws unless the selector names a key. The binding would take a label of another type for one of its own making, or end the
 * process; and an id that is a text would become an empty one.
 *
 * @throws TypeError
 */
export function assertSelector({ label, id }: KeySelector): void {
  if (label === undefined && id === undefined) throw new TypeError('key: expected a label, an id or both');
  if (label !== undefined && typeof label !== 'string') throw new TypeError('label: expected a text');
  if (id !== undefined && !(id instanceof Uint8Array)) throw new TypeError('id: expected a Uint8Array');
}

/** @throws TypeError without label and id, and for other types */
export function selectorTemplate(selector: KeySelector): ck.Template {
  assertSelector(selector);
  const { label, id } = selector;
  return [
    ...(label === undefined ? [] : [{ type: ck.CKA_LABEL, value: label }]),
    ...(id === undefined ? [] : [{ type: ck.CKA_ID, value: Buffer.from(id) }]),
  ];
}

/** Returns the selector in words, for messages. */
export function describeSelector({ label, id }: KeySelector): string {
  const parts = [
    ...(label === undefined ? [] : [`the label ${JSON.stringify(label)}`]),
    ...(id === undefined ? [] : [`the id ${Buffer.from(id).toString('hex')}`]),
  ];
  return parts.join(' and ');
}

const BATCH = 100;
