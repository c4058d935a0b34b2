/**
 * Why a call failed, in terms of what the caller can do about it. Stable: programs may branch on it.
 *
 * | Code | Meaning |
 * | --- | --- |
 * | `BINDING_UNAVAILABLE` | pkcs11js is not installed, not built for this machine, or lacks a library; or it is in a bundle |
 * | `MODULE_UNAVAILABLE` | the module file is absent, is no PKCS#11 module, or refuses to initialise |
 * | `TOKEN_NOT_FOUND`, `TOKEN_AMBIGUOUS` | no token, or more than one, has the label or serial number |
 * | `TOKEN_EXISTS` | a token that is in use has the label already |
 * | `TOKEN_UNAVAILABLE` | the token was there and is gone, or cannot be written |
 * | `PIN_INCORRECT`, `PIN_LOCKED` | the PIN is wrong; it is locked, after too many attempts |
 * | `PIN_UNUSABLE` | the PIN is too short, too long, too weak, malformed or expired; or the token has no PIN yet |
 * | `NOT_LOGGED_IN` | the token wants a login that did not succeed or did not last |
 * | `SESSION_LOST`, `SESSIONS_EXHAUSTED` | the token dropped the session; it has none left, or too many calls wait for one |
 * | `KEY_NOT_FOUND`, `KEY_AMBIGUOUS`, `KEY_EXISTS` | no key, or more than one, matches; the label is taken |
 * | `KEY_UNSUITABLE` | the object is no AES-256 key, or no RSA key of 2048 bits, or the token does not use it so |
 * | `KEY_USAGE_FORBIDDEN` | the key's attributes do not permit the operation |
 * | `DECRYPTION_FAILED` | ciphertext, tag, IV, additional data, padding and key do not belong together |
 * | `INPUT_REFUSED` | the token does not accept the data, its length or an attribute |
 * | `MECHANISM_UNSUPPORTED` | the token does not offer the mechanism, or not with these parameters; the message names it |
 * | `DEVICE_ERROR` | the module or the device failed, or answered something it should not |
 * | `CLOSED` | the token or module was closed by this program |
 */
export type Pkcs11ErrorCode =
  | 'BINDING_UNAVAILABLE'
  | 'MODULE_UNAVAILABLE'
  | 'TOKEN_NOT_FOUND'
  | 'TOKEN_AMBIGUOUS'
  | 'TOKEN_EXISTS'
  | 'TOKEN_UNAVAILABLE'
  | 'PIN_INCORRECT'
  | 'PIN_LOCKED'
  | 'PIN_UNUSABLE'
  | 'NOT_LOGGED_IN'
  | 'SESSION_LOST'
  | 'SESSIONS_EXHAUSTED'
  | 'KEY_NOT_FOUND'
  | 'KEY_AMBIGUOUS'
  | 'KEY_EXISTS'
  | 'KEY_UNSUITABLE'
  | 'KEY_USAGE_FORBIDDEN'
  | 'DECRYPTION_FAILED'
  | 'INPUT_REFUSED'
  | 'MECHANISM_UNSUPPORTED'
  | 'DEVICE_ERROR'
  | 'CLOSED';
