import { callCryptoki, Pkcs11Error } from '../errors.ts';
import * as ck from '../library/cryptoki.ts';
import type { KeyUsage } from './aes-keys.ts';
import { findObjects } from './objects.ts';

/** An AES key as it stands on the token. What the token does not tell is undefined. */
export interface AesKeyRecord {
  readonly label: string;
  readonly id: Uint8Array;
  readonly lengthBytes: number | undefined;
  readonly usages: readonly KeyUsage[];
  /** Other things that the key may do, by the names of their attributes, such as `CKA_WRAP`. */
  readonly otherUsages: readonly string[];
  /** Its value cannot be read in the clear. */
  readonly sensitive: boolean | undefined;
  /** Its value can leave the token, wrapped under another key. */
  readonly extractable: boolean | undefined;
  /** It was made by the token, and neither brought in nor a copy. */
  readonly local: boolean | undefined;
}

/** All AES keys of the token that the session sees, of whatever length. */
export function listAesKeys(cryptoki: ck.Cryptoki, session: ck.Handle): AesKeyRecord[] {
  const handles = findObjects(cryptoki, session, AES_KEY, Infinity);
  return handles.map((handle) => record((type) => attribute(cryptoki, session, handle, type)));
}

function record(read: (type: number) => Buffer | undefined): AesKeyRecord {
  const flag = (type: number) => {
    const value = read(type);
    return value === undefined ? undefined : value[0] === 1;
  };
  return {
    label: read(ck.CKA_LABEL)?.toString('utf8') ?? '',
    id: new Uint8Array(read(ck.CKA_ID) ?? []),
    // CK_ULONG in the byte order and size of the platform; its low byte comes first on all that pkcs11js runs on.
    lengthBytes: read(ck.CKA_VALUE_LEN)?.[0],
    usages: USAGES.filter(([, type]) => flag(type) === true).map(([usage]) => usage),
    otherUsages: OTHER_USAGES.filter(([, type]) => flag(type) === true).map(([name]) => name),
    sensitive: flag(ck.CKA_SENSITIVE),
    extractable: flag(ck.CKA_EXTRACTABLE),
    local: flag(ck.CKA_LOCAL),
  };
}

/** One at a time, since some tokens refuse all attributes for one that they do not have. */
function attribute(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  handle: ck.Handle,
  type: number,
): Buffer | undefined {
  try {
    return callCryptoki(
      'C_GetAttributeValue',
      () => cryptoki.C_GetAttributeValue(session, handle, [{ type }])[0]?.value,
    );
  } catch (error) {
    if (error instanceof Pkcs11Error && error.code === 'INPUT_REFUSED') return undefined;
    throw error;
  }
}

const AES_KEY = [
  { type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY },
  { type: ck.CKA_KEY_TYPE, value: ck.CKK_AES },
  { type: ck.CKA_TOKEN, value: true },
];
const USAGES = [
  ['ENCRYPT', ck.CKA_ENCRYPT],
  ['DECRYPT', ck.CKA_DECRYPT],
] as const;
const OTHER_USAGES = [
  ['CKA_WRAP', ck.CKA_WRAP],
  ['CKA_UNWRAP', ck.CKA_UNWRAP],
  ['CKA_SIGN', ck.CKA_SIGN],
  ['CKA_VERIFY', ck.CKA_VERIFY],
  ['CKA_DERIVE', ck.CKA_DERIVE],
] as const;
