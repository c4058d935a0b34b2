import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openModule, Pkcs11Error, type Pkcs11Module } from '@holdfast/pkcs11';
import { isPinRefusal, isWithoutPin } from '../devices/failures.ts';
import { createFiles } from '../files/replace-file.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { ExistingToken, InitChoices, NewToken } from './choices.ts';
import { FILES } from './documents.ts';

/** A PIN for a new token, of 64 random bits. */
export const newPin = (): string => randomBytes(8).toString('hex');

/**
 * Checks that a token takes its PIN: the files of a proxy that cannot log in would only obstruct the next attempt. A token
 * without a PIN gets it if both of its PINs are in files of the folder: an earlier `initializeToken` stopped after it had
 * set the label. Throws XksProxyError `PIN_REFUSED` or `TOKEN_UNAVAILABLE`.
 */
export function provePin({ folder, module: path }: InitChoices, { label, pin }: ExistingToken): void {
  const what = `token ${label}`;
  const [pinFile, soPinFile] = [join(folder, FILES.pin), join(folder, FILES.soPin)];
  withModule(path, what, (module) => {
    try {
      try {
        module.openToken({ label, pin }).close();
      } catch (error) {
        if (!isWithoutPin(error) || ![pinFile, soPinFile].every((file) => existsSync(file))) throw error;
        module.initializeToken({ label, pin, soPin: readFileSync(soPinFile, 'utf8').trimEnd() });
      }
    } catch (cause) {
      if (!isPinRefusal(cause) && !isWithoutPin(cause)) throw cause;
      throw new XksProxyError('PIN_REFUSED', `${what}: ${cause.message}`, { cause });
    }
  });
}

/**
 * Writes the PINs of a token into files of the folder, and then initialises it: if it stops in between, the PINs are not
 * lost. Rejects with XksProxyError `CHANGE_REFUSED` or `TOKEN_UNAVAILABLE`; if no token has the label then, the files of the
 * PINs are removed too.
 */
export async function initializeToken(
  { folder, module: path }: InitChoices,
  { label }: NewToken,
  pin: string,
): Promise<void> {
  const what = 'no token can be initialised';
  const isThere = (module: Pkcs11Module) => module.tokens().some((token) => token.label === label);
  if (withModule(path, what, isThere)) {
    const text = `there is a token ${label} already: use it with --token-label and --pin-file, or choose another label`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  }
  const soPin = newPin();
  const files = new Map([
    [join(folder, FILES.pin), `${pin}\n`],
    [join(folder, FILES.soPin), `${soPin}\n`],
  ]);
  await createFiles(files);
  try {
    withModule(path, what, (module) => module.initializeToken({ label, pin, soPin }));
  } catch (error) {
    if (!withModule(path, what, isThere)) for (const file of files.keys()) await rm(file);
    throw error;
  }
}

function withModule<T>(path: string, what: string, work: (module: Pkcs11Module) => T): T {
  try {
    const module = openModule({ path });
    try {
      return work(module);
    } finally {
      module.close();
    }
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error)) throw cause;
    const text = `${what}: ${cause.message}${remedyFor(path, cause)}`;
    throw new XksProxyError('TOKEN_UNAVAILABLE', text, { cause });
  }
}

/** A remedy that SoftHSM does not name: distributions install its configuration and tokens for root and one group. */
function remedyFor(path: string, { returnValue }: Pkcs11Error): string {
  if (!/softhsm/i.test(basename(path)) || returnValue?.name !== 'CKR_GENERAL_ERROR') return '';
  return '; most often this user may not use the configuration of SoftHSM, or its folder of tokens: name a configuration of your own in SOFTHSM2_CONF';
}
