import { randomBytes } from 'node:crypto';
import type { AesGcm, DecryptInput, EncryptInput, EncryptOutput } from './aes-gcm.ts';
import * as ck from './cryptoki.ts';
import { attempt, Pkcs11Error } from './errors.ts';
import type { CallOptions, Session, SessionPool } from './sessions.ts';

/** What a key may be used for: its CKA_ENCRYPT and CKA_DECRYPT attributes. */
export type KeyUsage = 'ENCRYPT' | 'DECRYPT';

/** Names a key by CKA_LABEL, by CKA_ID, or by both. */
export interface KeySelector {
  readonly label?: string;
  readonly id?: Uint8Array;
}

/** What a new key is to be. */
export interface GenerateKeyOptions {
  /** No AES key of the token may have it yet. */
  readonly label: string;
  /** CKA_ID; 16 random bytes by default. */
  readonly id?: Uint8Array;
  /** Both by default. */
  readonly usages?: readonly KeyUsage[];
}

/** An AES-256 key inside the token. It stays valid when the token restarts or the key is replaced under its name. */
export interface AesKey {
  readonly label: string;
  readonly id: Uint8Array;
  readonly usages: readonly KeyUsage[];
  /**
   * AES-256-GCM with a tag of 16 bytes.
   *
   * @throws TypeError, RangeError for wrong types and lengths; Pkcs11Error, for example KEY_USAGE_FORBIDDEN; the
   * reason of an aborted signal
   */
  encrypt(input: EncryptInput, options?: CallOptions): Promise<EncryptOutput>;
  /**
   * The plaintext, if the tag is right for key, IV, additional data and ciphertext.
   *
   * @throws Pkcs11Error DECRYPTION_FAILED, KEY_USAGE_FORBIDDEN and others; TypeError, RangeError; the reason of
   * an aborted signal
   */
  decrypt(input: DecryptInput, options?: CallOptions): Promise<Uint8Array>;
}

/** A key as it was found. Its handle is good for one epoch of the session pool. */
export interface FoundKey {
  readonly handle: ck.Handle;
  readonly epoch: number;
  readonly label: string;
  readonly id: Uint8Array;
  readonly usages: readonly KeyUsage[];
}

/** A key that a token keeps for its callers. */
export interface KeptKey {
  readonly key: AesKey;
  /** Looks the key up if it was not for a minute, or in any case. Throws what the lookup throws. */
  refresh(options: { readonly always: boolean }): void;
}

/**
 * A key that keeps the handle it was found with. A lookup costs time in proportion to the objects of the token, so
 * `find` runs again only when the token no longer knows what we remember, and once a minute: a second key under the
 * same label, or other usages, do not go unnoticed for longer.
 */
export function keepKey(pool: SessionPool, gcm: AesGcm, find: (session: Session) => FoundKey): KeptKey {
  let found = pool.runNow(find);
  let foundAtMs = performance.now();
  const isOld = (): boolean => performance.now() - foundAtMs > MAX_AGE_MS;
  const findAgain = (session: Session): void => {
    try {
      found = find(session);
      foundAtMs = performance.now();
    } catch (error) {
      // What is known of it is not true any more: the next one looks again.
      foundAtMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  };
  const handleFor = (session: Session): ck.Handle => {
    if (found.epoch !== session.epoch || isOld()) findAgain(session);
    return found.handle;
  };
  const key: AesKey = {
    get label() {
      return found.label;
    },
    get id() {
      return found.id;
    },
    get usages() {
      return found.usages;
    },
    async encrypt(input, options) {
      const call = gcm.encryption(input);
      try {
        return await pool.run((session) => call.run(session.handle, handleFor(session)), options);
      } finally {
        call.wipe();
      }
    },
    async decrypt(input, options) {
      const call = gcm.decryption(input);
      try {
        return await pool.run((session) => call.run(session.handle, handleFor(session)), options);
      } finally {
        call.wipe();
      }
    },
  };
  return {
    key,
    refresh({ always }) {
      if (always || isOld()) pool.runNow(findAgain);
    },
  };
}

/**
 * Finds the one AES-256 key with this label and id.
 *
 * @throws Pkcs11Error KEY_NOT_FOUND, KEY_AMBIGUOUS, KEY_UNSUITABLE; TypeError without label and id
 */
export function findKey(
  cryptoki: ck.Cryptoki,
  { handle: session, epoch }: Session,
  selector: KeySelector,
): FoundKey {
  const handles = findHandles(cryptoki, session, selector);
  const [handle] = handles;
  if (handle === undefined) {
    throw new Pkcs11Error('KEY_NOT_FOUND', `the token has no AES key with ${describe(selector)}`);
  }
  if (handles.length > 1) {
    throw new Pkcs11Error('KEY_AMBIGUOUS', `the token has several AES keys with ${describe(selector)}`);
  }
  const attributes = READ_ATTRIBUTES.map((type) => ({ type }));
  const values = attempt('C_GetAttributeValue', () =>
    cryptoki.C_GetAttributeValue(session, handle, attributes),
  );
  const bytes = new Map(values.map(({ type, value }) => [type, value]));
  const read = (type: number): Buffer => bytes.get(type) ?? Buffer.alloc(0);
  // CK_ULONG in the byte order and size of the platform; its low byte comes first on all that pkcs11js runs on.
  if (read(ck.CKA_VALUE_LEN)[0] !== AES_256_LENGTH) {
    throw new Pkcs11Error('KEY_UNSUITABLE', `the key with ${describe(selector)} is no AES-256 key`);
  }
  return {
    handle,
    epoch,
    label: read(ck.CKA_LABEL).toString('utf8'),
    id: new Uint8Array(read(ck.CKA_ID)),
    usages: USAGES.filter(([, type]) => read(type)[0] === 1).map(([usage]) => usage),
  };
}

/**
 * Has the token generate an AES-256 key that cannot be read out, over a session that may write.
 *
 * @returns what finds the key again
 * @throws Pkcs11Error KEY_EXISTS: a second key of one label would make both unusable by that label
 */
export function generateAesKey(
  cryptoki: ck.Cryptoki,
  session: ck.Handle,
  { label, id = randomBytes(16), usages = ['ENCRYPT', 'DECRYPT'] }: GenerateKeyOptions,
): KeySelector {
  if (label === '') throw new RangeError('label: expected a text that is not empty');
  if (findHandles(cryptoki, session, { label }).length > 0) {
    throw new Pkcs11Error(
      'KEY_EXISTS',
      `there is an AES key with the label ${JSON.stringify(label)} already`,
    );
  }
  attempt('C_GenerateKey', () =>
    cryptoki.C_GenerateKey(session, { mechanism: ck.CKM_AES_KEY_GEN }, [
      ...newKeyTemplate({ label, id, usages }),
      { type: ck.CKA_VALUE_LEN, value: AES_256_LENGTH },
    ]),
  );
  return { label, id };
}

/** The attributes of a key that stays in the token and is good for its usages only; the value is the caller's. */
export function newKeyTemplate({ label, id, usages }: Required<GenerateKeyOptions>): ck.Template {
  return [
    ...keyTemplate({ label, id }),
    { type: ck.CKA_TOKEN, value: true },
    { type: ck.CKA_PRIVATE, value: true },
    { type: ck.CKA_SENSITIVE, value: true },
    { type: ck.CKA_EXTRACTABLE, value: false },
    { type: ck.CKA_ENCRYPT, value: usages.includes('ENCRYPT') },
    { type: ck.CKA_DECRYPT, value: usages.includes('DECRYPT') },
    ...OTHER_USAGES.map((type) => ({ type, value: false })),
  ];
}

/** At most two handles: more do not matter. */
function findHandles(cryptoki: ck.Cryptoki, session: ck.Handle, selector: KeySelector): ck.Handle[] {
  attempt('C_FindObjectsInit', () => cryptoki.C_FindObjectsInit(session, keyTemplate(selector)));
  try {
    return attempt('C_FindObjects', () => cryptoki.C_FindObjects(session, 2));
  } finally {
    attempt('C_FindObjectsFinal', () => cryptoki.C_FindObjectsFinal(session));
  }
}

function keyTemplate({ label, id }: KeySelector): ck.Template {
  if (label === undefined && id === undefined) throw new TypeError('key: expected a label, an id or both');
  return [
    { type: ck.CKA_CLASS, value: ck.CKO_SECRET_KEY },
    { type: ck.CKA_KEY_TYPE, value: ck.CKK_AES },
    ...(label === undefined ? [] : [{ type: ck.CKA_LABEL, value: label }]),
    ...(id === undefined ? [] : [{ type: ck.CKA_ID, value: Buffer.from(id) }]),
  ];
}

function describe({ label, id }: KeySelector): string {
  const parts = [
    ...(label === undefined ? [] : [`the label ${JSON.stringify(label)}`]),
    ...(id === undefined ? [] : [`the id ${Buffer.from(id).toString('hex')}`]),
  ];
  return parts.join(' and ');
}

const MAX_AGE_MS = 60_000;
const AES_256_LENGTH = 32;
const USAGES = [
  ['ENCRYPT', ck.CKA_ENCRYPT],
  ['DECRYPT', ck.CKA_DECRYPT],
] as const;
const OTHER_USAGES = [ck.CKA_WRAP, ck.CKA_UNWRAP, ck.CKA_SIGN, ck.CKA_VERIFY, ck.CKA_DERIVE];
const READ_ATTRIBUTES = [ck.CKA_LABEL, ck.CKA_ID, ck.CKA_VALUE_LEN, ck.CKA_ENCRYPT, ck.CKA_DECRYPT];
