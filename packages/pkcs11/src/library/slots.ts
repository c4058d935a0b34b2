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

/** What a token says about itself. */
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

/** What a new token gets. */
export interface InitializeTokenOptions {
  /** At most 32 bytes of UTF-8, the last of them no blank or NUL. No token in use may have it yet. */
  readonly label: string;
  /** PIN of the security officer. */
  readonly soPin: string;
  /** PIN of the user. */
  readonly pin: string;
}

/** All tokens of a module, in the order of its slots. A slot whose token cannot be asked is passed over. */
export function occupiedSlots(cryptoki: Cryptoki): OccupiedSlot[] {
  return readSlots(cryptoki).occupied;
}

/**
 * The initialised token with this label or serial number.
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
 * Gives the first token that was never initialised its label and PINs; or the PIN of the user to one that has the label and
 * no such PIN yet. Tokens in use are never touched.
 *
 * @throws Pkcs11Error TOKEN_EXISTS, TOKEN_NOT_FOUND, PIN_REFUSED, PIN_INCORRECT; RangeError for a label that is empty, too
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
  // It would be read back without them, and found by no label.
  if (trimPadding(label) !== label) throw new RangeError('label: expected no blank or NUL at its end');
  const present = occupiedSlots(cryptoki);
  // Another token of the label would make both ambiguous.
  const named = present.filter(({ info }) => info.initialized && info.label === label);
  if (named.some(({ hasUserPin }) => hasUserPin)) {
    throw new Pkcs11Error('TOKEN_EXISTS', `there is a token with the label ${JSON.stringify(label)} already`);
  }
  // By an earlier call whose PIN the token did not take.
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
      // The token has what it was to get, or what failed before says more.
    }
  }
  return occupiedSlot(cryptoki, slot).info;
}

/** The token would look at it only when it has its label. */
function assertUserPinLength(cryptoki: Cryptoki, slot: Handle, pin: string): void {
  const { minPinLen, maxPinLen } = callCryptoki('C_GetTokenInfo', () => cryptoki.C_GetTokenInfo(slot));
  const isTold = (limit: number): boolean => limit > 0 && limit < UNTOLD;
  const length = Buffer.byteLength(pin);
  if ((isTold(minPinLen) && length < minPinLen) || (isTold(maxPinLen) && length > maxPinLen)) {
    throw new Pkcs11Error('PIN_REFUSED', `the token takes a PIN of ${minPinLen} to ${maxPinLen} bytes`);
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

function occupiedSlot(cryptoki: Cryptoki, slot: Handle): OccupiedSlot {
  const told = callCryptoki('C_GetTokenInfo', () => cryptoki.C_GetTokenInfo(slot));
  const info = {
    label: trimPadding(told.label),
    serial: trimPadding(told.serialNumber),
    manufacturer: trimPadding(told.manufacturerID),
    model: trimPadding(told.model),
    initialized: (told.flags & CKF_TOKEN_INITIALIZED) !== 0,
  };
  return { slot, info, hasUserPin: (told.flags & CKF_USER_PIN_INITIALIZED) !== 0 };
}

// Blanks by the standard, NUL bytes by some modules.
function trimPadding(text: string): string {
  return text.replace(/[\0 ]+$/u, '');
}

const LABEL_LENGTH = 32;
/** CK_UNAVAILABLE_INFORMATION, as pkcs11js cuts it. */
const UNTOLD = 0xffff_ffff;
const SLOT_FAILURES: ReadonlySet<Pkcs11ErrorCode> = new Set(['TOKEN_UNAVAILABLE', 'DEVICE_ERROR']);
