import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openModule, Pkcs11Error } from '@holdfast/pkcs11';
import { stringify } from 'smol-toml';
import { keysDocument } from '../config/keys-document.ts';
import { loadConfig } from '../config/load.ts';
import { credentialRow, credentialsDocument, newCredential } from '../credentials/edit-credentials.ts';
import { replaceFile } from '../files/replace-file.ts';
import { createKey } from '../keys/create.ts';
import { isLabelTaken } from '../keys/key-tokens.ts';
import { linkKey } from '../keys/link.ts';
import { onToken } from '../keys/on-token.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { ExistingToken, InitChoices, InitResult } from './choices.ts';
import { knownModule } from './known-modules.ts';
import { selfSigned } from './self-signed.ts';

/**
 * Makes all that a proxy needs: a token, if asked to, with a key for trials and those of the store; a credential, a
 * certificate, and the configuration. Keys that the token has already are taken as they are. Rejects with XksProxyError,
 * and with `CHANGE_REFUSED` before anything is made where a file would be overwritten.
 */
export async function initialize(choices: InitChoices): Promise<InitResult> {
  const { folder, store, hostName, certificate } = choices;
  const inFolder = (name: string) => join(folder, name);
  const names = fileNames(choices);
  const taken = Object.values(names).filter((name) => existsSync(inFolder(name)));
  if (taken.length > 0 && !choices.overwrites) {
    const text = `${folder} has ${taken.join(', ')} already: choose another folder, or replace them with --force`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { certificate: chain, key } =
    certificate === undefined ? await selfSigned(hostName, folder) : readCertificate(certificate);
  const { pin, soPin } = preparedToken(choices);
  const write = (name: string, text: string) => replaceFile(inFolder(name), text);
  await write(names.pin, `${pin}\n`);
  if (soPin !== undefined) await write(names.soPin, `${soPin}\n`);
  await write(names.certificate, chain);
  await write(names.key, key);
  await write(names.keys, keysDocument([]));
  const { accessKeyId, secretAccessKey } = newCredential();
  await write(`${accessKeyId}.secret`, `${secretAccessKey}\n`);
  await write(names.credentials, credentialsDocument([credentialRow(accessKeyId, `${accessKeyId}.secret`)]));
  await write(names.config, configDocument(choices));

  const place = { configFile: inFolder(names.config), store };
  await addHealthKey(place.configFile);
  for (const externalKeyId of choices.externalKeyIds) await addKey(place, externalKeyId);
  loadConfig(place.configFile);
  const files = Object.values(names).filter((name) => existsSync(inFolder(name)));
  return {
    configFile: place.configFile,
    files: [...files, `${accessKeyId}.secret`],
    accessKeyId,
    isSelfSigned: certificate === undefined,
  };
}

function fileNames({ store }: InitChoices) {
  return {
    config: 'config.toml',
    pin: 'pin',
    soPin: 'so-pin',
    certificate: 'server.pem',
    key: 'server.key',
    keys: `${store}.keys.toml`,
    credentials: `${store}.credentials.toml`,
  };
}

function readCertificate({ certificateFile, keyFile }: NonNullable<InitChoices['certificate']>) {
  try {
    return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } catch (cause) {
    throw new XksProxyError('CHANGE_REFUSED', 'the certificate or its key cannot be read', { cause });
  }
}

/** The PIN of the token, which is initialised first if that was asked for; and of its security officer, who is new then. */
function preparedToken({ module: path, token }: InitChoices): { pin: string; soPin?: string } {
  if (token.kind === 'existing') return { pin: provenPin(path, token) };
  const [pin, soPin] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
  try {
    const module = openModule({ path });
    try {
      if (module.tokens().some(({ label }) => label === token.label)) {
        const text = `there is a token ${token.label} already: use it with its PIN, or choose another label`;
        throw new XksProxyError('CHANGE_REFUSED', text);
      }
      module.initializeToken({ label: token.label, pin, soPin });
    } finally {
      module.close();
    }
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error)) throw cause;
    throw new XksProxyError('TOKEN_UNAVAILABLE', `no token can be initialised: ${cause.message}`, { cause });
  }
  return { pin, soPin };
}

/** The PIN, once the token has taken it: files of a proxy that cannot log in would only be in the way of the next attempt. */
function provenPin(path: string, { label, pin }: ExistingToken): string {
  try {
    const module = openModule({ path });
    try {
      module.openToken({ label, pin }).close();
    } finally {
      module.close();
    }
  } catch (cause) {
    if (!(cause instanceof Pkcs11Error)) throw cause;
    throw new XksProxyError('TOKEN_UNAVAILABLE', `token ${label}: ${cause.message}`, { cause });
  }
  return pin;
}

function configDocument(choices: InitChoices): string {
  const { host, port, module, token, store, pathPrefix, regions } = choices;
  const names = fileNames(choices);
  return stringify({
    server: { host, port, tls: { certificate_file: names.certificate, key_file: names.key } },
    iv_budget: { state_dir: 'state' },
    tokens: [
      {
        name: 'main',
        module,
        label: token.label,
        pin_file: names.pin,
        iv: knownModule(module).iv,
        health_key_label: HEALTH_KEY,
      },
    ],
    stores: [
      {
        name: store,
        path_prefix: pathPrefix,
        regions: [...regions],
        credentials_file: names.credentials,
        keys_file: names.keys,
      },
    ],
  });
}

async function addHealthKey(configFile: string): Promise<void> {
  const [token] = loadConfig(configFile).tokens;
  if (token === undefined) throw new TypeError('tokens: expected one at least');
  await onToken(token, (open) => {
    try {
      open.generateKey({ label: HEALTH_KEY });
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

const HEALTH_KEY = 'xks-proxy-health';
