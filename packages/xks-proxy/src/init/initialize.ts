import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { loadConfig } from '../config/load.ts';
import { replaceFile } from '../files/replace-file.ts';
import { createKey } from '../keys/create.ts';
import { isLabelTaken } from '../keys/key-tokens.ts';
import { linkKey } from '../keys/link.ts';
import { onToken } from '../keys/on-token.ts';
import { XksProxyError } from '../proxy-error.ts';
import { HEALTH_KEY_LABEL, type InitChoices, type InitResult } from './choices.ts';
import { checkDocuments, documentsOf, FILES, missingKeys } from './documents.ts';
import { initializeToken, newPin, provePin } from './prepare-token.ts';
import { type CertificateFiles, selfSigned } from './self-signed.ts';
import { keptFiles, storeFiles } from './store-files.ts';

/**
 * Makes all that a proxy needs: a token, if asked to, with a key for trials and those of the store; a credential, a
 * certificate, and the configuration. Keys that the token has already are taken as they are, and the content of the files
 * of the store stays: versions of keys that were used, and live credentials. Rejects with XksProxyError: with
 * `CHANGE_REFUSED` if a file would be overwritten, and with `CONFIG_INVALID` for choices that no proxy takes, both before a
 * file is written or a token is touched.
 */
export async function initialize(choices: InitChoices): Promise<InitResult> {
  const { folder, store, token, hostName } = choices;
  if (!HOST_NAME.test(hostName)) {
    throw new XksProxyError('CONFIG_INVALID', 'host name: expected a name alone, such as xks.example.com');
  }
  const inFolder = (name: string) => join(folder, name);
  const certificate = await certificateOf(choices);
  const kept = keptFiles(choices);
  const documents = documentsOf(choices, certificate, kept);
  const pin = token.kind === 'new' ? newPin() : token.pin;
  checkDocuments(choices, documents, kept, pin);
  const names = new Set([FILES.pin, ...documents.texts.keys(), ...Object.values(storeFiles(choices))]);
  keepWhatIsThere(choices, pin, [...names]);

  const isNewFolder = (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined;
  const files: string[] = [];
  const write = async (name: string, text: string) => {
    await replaceFile(inFolder(name), text, 'new');
    files.push(name);
  };
  // Before the PINs are written: a repository around the folder never sees them.
  if (isNewFolder) await write(FILES.gitIgnore, '*\n');
  if (token.kind === 'new') {
    await initializeToken(choices, token, pin);
    files.push(FILES.pin, FILES.soPin);
  } else {
    provePin(choices, token);
    await write(FILES.pin, `${pin}\n`);
  }
  for (const [name, text] of documents.texts) await write(name, text);

  const place = { configFile: inFolder(FILES.config), store };
  await addHealthKey(place.configFile);
  for (const externalKeyId of missingKeys(choices, kept)) await addKey(place, externalKeyId);
  return {
    configFile: place.configFile,
    files,
    accessKeyId: documents.accessKeyId,
    isSelfSigned: choices.certificate === undefined,
  };
}

async function certificateOf({ certificate, hostName }: InitChoices): Promise<CertificateFiles> {
  if (certificate === undefined) return selfSigned(hostName);
  const { certificateFile, keyFile } = certificate;
  try {
    return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } catch (cause) {
    throw new XksProxyError('CHANGE_REFUSED', 'the certificate or its key cannot be read', { cause });
  }
}

function keepWhatIsThere(
  { folder, overwrites, token }: InitChoices,
  pin: string,
  names: readonly string[],
): void {
  const isThere = (name: string) => existsSync(join(folder, name));
  const pins = [FILES.pin, FILES.soPin].filter(isThere);
  // These files may be the only place that has the PINs of another token.
  const isOfAnother =
    token.kind === 'new'
      ? pins.length > 0
      : pins.length === 2 && readFileSync(join(folder, FILES.pin), 'utf8').replace(/\r?\n$/, '') !== pin;
  if (isOfAnother) {
    const text = `${folder} has ${pins.join(', ')} of a token already, which are never replaced: use that token with --token-label and --pin-file, or choose another folder`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  }
  const taken = names.filter(isThere);
  if (taken.length > 0 && !overwrites) {
    const text = `${folder} has ${taken.join(', ')} already: choose another folder. With --force the configuration and the certificate are replaced; keys and credentials stay, and what is missing is added`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  }
}

async function addHealthKey(configFile: string): Promise<void> {
  const [token] = loadConfig(configFile).tokens;
  if (token === undefined) throw new TypeError('tokens: expected one at least');
  await onToken(token, (open) => {
    try {
      open.generateAesKey({ label: HEALTH_KEY_LABEL });
    } catch (error) {
      if (!(error instanceof Pkcs11Error && error.code === 'KEY_EXISTS')) throw error;
    }
  });
}

async function addKey(place: { configFile: string; store: string }, externalKeyId: string): Promise<void> {
  try {
    await createKey(place, { externalKeyId });
  } catch (error) {
    if (!(error instanceof XksProxyError && isLabelTaken(error.cause))) throw error;
    await linkKey(place, { externalKeyId, selector: { label: externalKeyId } });
  }
}

const HOST_NAME = /^(?=.{1,253}$)[A-Z0-9-]{1,63}(?:\.[A-Z0-9-]{1,63})*$/i;
