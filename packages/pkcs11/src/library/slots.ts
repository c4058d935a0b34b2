import type { Pkcs11ErrorCode } from '../error-codes.ts';
import { callCryptoki, Pkcs11Error } from '../errors.ts';
import { assertPin } from '../login/pin.ts';
import {
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  CKF_TOKEN_INITIALIZED,
  CKF_USER_PIN_INITIALIZED,
  CKU_SO,
  type Cryptoki,
  type Handle,
} from './cryptoki.ts';

/** What a token reports about itself. */
export interface TokenInfo {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  /** False for a token that has neither label nor keys yet. */
  readonly initialized: boolean;
}

/** A token in its slot. */
export interface OccupiedSlot {
  readonly slot: Handle;
  readonly info: TokenInfo;
  readonly hasUserPin: boolean;
}

/** Label and PINs of a new token. */
export interface InitializeTokenOptions {
  /** At most 32 bytes of UTF-8, not ending in a blank or NUL. No token in use may have it yet. */
  readonly label: string;
  /** PIN of the security officer. */
  readonly soPin: string;
  /** PIN of the user. */
  readonly pin: string;
}

/** Returns all tokens of a module, in the order of its slots. A slot whose token cannot be read is left out. */
export function occupiedSlots(cryptoki: Cryptoki): OccupiedSlot[] {
  return readSlots(cryptoki).occupied;
}

/**
 * Returns the initialised token with this label or serial number.
 *
 * @throws Pkcs11Error TOKEN_NOT_FOUND, TOKEN_AMBIGUOUS; TypeError unless exactly one of the two is given
 */
export function findToken(
  cryptoki: Cryptoki,
  { label, serial }: { readonly label?: string; readonly serial?: string },
): OccupiedSlot {
  if ((label === undefined) === (serial === undefined)) {
    throw new TypeError('label: expected one, or a serial in its place');
  }
  const option = label === undefined ? 'serial' : 'label';
  if (typeof { label, serial }[option] !== 'string') throw new TypeError(`${option}: expected a text`);
  const { occupied, failures } = readSlots(cryptoki);
  const matches = occupied.filter(
    ({ info }) => info.initialized && (label === undefined ? info.serial === serial : info.label === label),
  );
  const name = label === undefined ? `serial number ${serial}` : `label ${JSON.stringify(label)}`;
  const [match] = matches;
  if (match === undefined) {
    const others = failures.length === 0 ? '' : `, and ${failures.length} cannot be asked`;
    throw new Pkcs11Error('TOKEN_NOT_FOUND', `no token has the ${name}${others}`, { cause: failures[0] });
  }
  if (matches.length > 1) throw new Pkcs11Error('TOKEN_AMBIGUOUS', `several tokens have the ${name}`);
  return match;
}

/**
 * Gives the first token that was never initialised its label and PINs; or gives a token that has the label and no user PIN
 * yet its user PIN. Tokens in use are never touched.
 *
 * @throws Pkcs11Error TOKEN_EXISTS, TOKEN_NOT_FOUND, PIN_UNUSABLE, PIN_INCORRECT; RangeError for a label that is empty, too
 * long or padded; TypeError
 */
export function initializeToken(
  cryptoki: Cryptoki,
  { label, soPin, pin }: InitializeTokenOptions,
): TokenInfo {
  assertPin('pin', pin);
  assertPin('soPin', soPin);
  if (typeof label !== 'string') throw new TypeError('label: expected a text');
  const labelLength = Buffer.byteLength(label);
  if (labelLength < 1 || labelLength > LABEL_LENGTH) {
    throw new RangeError(`label: expected 1 to ${LABEL_LENGTH} bytes of UTF-8`);
  }
  // The label would be read back without them, and never be found.
  if (trimPadding(label) !== label) throw new RangeError('label: expected no blank or NUL at its end');
  const present = occupiedSlots(cryptoki);
  // A second token with the label would make both ambiguous.
  const named = present.filter(({ info }) => info.initialized && info.label === label);
  if (named.some(({ hasUserPin }) => hasUserPin)) {
    throw new Pkcs11Error('TOKEN_EXISTS', `there is a token with the label ${JSON.stringify(label)} already`);
  }
  // An earlier call gave this token its label, and the token refused the user PIN.
  const [begun] = named;
  const target = begun ?? present.find(({ info }) => !info.initialized);
  if (target === undefined) {
    throw new Pkcs11Error('TOKEN_NOT_FOUND', 'the module has no token that is not initialised yet');
  }
  const { slot } = target;
  assertUserPinLength(cryptoki, slot, pin);
  if (begun === undefined) {
    // C_InitToken reads 32 bytes whatever the string's length.
    const paddedLabel = label + ' '.repeat(LABEL_LENGTH - labelLength);
    callCryptoki('C_InitToken', () => cryptoki.C_InitToken(slot, soPin, paddedLabel));
  }
  const session = callCryptoki('C_OpenSession', () =>
    cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION),
  );
  try {
    callCryptoki('C_Login', () => cryptoki.C_Login(session, CKU_SO, soPin));
    callCryptoki('C_InitPIN', () => cryptoki.C_InitPIN(session, pin));
    callCryptoki('C_Logout', () => cryptoki.C_Logout(session));
  } finally {
    try {
      cryptoki.C_CloseSession(session);
    } catch {
      // The token is initialised, or an earlier error says more.
    }
  }
  return occupiedSlot(cryptoki, slot).info;
}

/** Throws for a user PIN of a length that the token refuses. The token itself checks it only once it has taken the label. */
function assertUserPinLength(cryptoki: Cryptoki, slot: Handle, pin: string): void {
  const { minPinLen, maxPinLen } = callCryptoki('C_GetTokenInfo', () => cryptoki.C_GetTokenInfo(slot));
  const isReported = (limit: number): boolean => limit > 0 && limit < UNAVAILABLE;
  const length = Buffer.byteLength(pin);
  if ((isReported(minPinLen) && length < minPinLen) || (isReported(maxPinLen) && length > maxPinLen)) {
    throw new Pkcs11Error('PIN_UNUSABLE', `the token takes a PIN of ${minPinLen} to ${maxPinLen} bytes`);
  }
}

function readSlots(cryptoki: Cryptoki): { occupied: OccupiedSlot[]; failures: Pkcs11Error[] } {
  const occupied: OccupiedSlot[] = [];
  const failures: Pkcs11Error[] = [];
  for (const slot of callCryptoki('C_GetSlotList', () => cryptoki.C_GetSlotList(true))) {
    try {
      occupied.push(occupiedSlot(cryptoki, slot));
    } catch (error) {
      if (!(error instanceof Pkcs11Error && SLOT_FAILURES.has(error.code))) throw error;
      failures.push(error);
    }
  }
  return { occupied, failures };
}

/**
 * Throws unless the slot still has the token: after a restart, a module may have given its tokens other slots.
 *
 * @throws Pkcs11Error TOKEN_UNAVAILABLE
 */
export function assertTokenInSlot(cryptoki: Cryptoki, slot: Handle, { label, serial }: TokenInfo): void {
  const { info } = occupiedSlot(cryptoki, slot);
  if (info.label === label && info.serial === serial) return;
  throw new Pkcs11Error('TOKEN_UNAVAILABLE', `another token is in the slot of ${JSON.stringify(label)}`);
}

function occupiedSlot(cryptoki: Cryptoki, slot: Handle): OccupiedSlot {
  const reported = callCryptoki('C_GetTokenInfo', () => cryptoki.C_GetTokenInfo(slot));
  const info = {
    label: trimPadding(reported.label),
    serial: trimPadding(reported.serialNumber),
    manufacturer: trimPadding(reported.manufacturerID),
    model: trimPadding(reported.model),
    initialized: (reported.flags & CKF_TOKEN_INITIALIZED) !== 0,
  };
  return { slot, info, hasUserPin: (reported.flags & CKF_USER_PIN_INITIALIZED) !== 0 };
}

// The padding is blanks by the standard, and NUL bytes by some modules.
function trimPadding(text: string): string {
  return text.replace(/[\0 ]+$/u, '');
}

const LABEL_LENGTH = 32;
/** CK_UNAVAILABLE_INFORMATION, as pkcs11js truncates it. */
const UNAVAILABLE = 0xffff_ffff;
const SLOT_FAILURES: ReadonlySet<Pkcs11ErrorCode> = new Set(['TOKEN_UNAVAILABLE', 'DEVICE_ERROR']);
