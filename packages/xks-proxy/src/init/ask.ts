import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { CANCEL_SYMBOL, confirm, intro, outro, password, select, text } from '@clack/prompts';
import { openModule, Pkcs11Error, type TokenInfo } from '@holdfast/pkcs11';
import {
  defaultPathPrefix,
  type ExistingToken,
  INIT_DEFAULTS,
  type InitChoices,
  type NewToken,
} from './choices.ts';
import { findModules } from './known-modules.ts';

/** Where the questions are asked, if not on the terminal. */
export interface Terminal {
  readonly input?: Readable;
  readonly output?: Writable;
}

/** Asks for the choices that are still missing. Resolves to `cancelled` at Control-C; then nothing has happened. */
export async function askForChoices(
  said: Partial<InitChoices> & Pick<InitChoices, 'folder' | 'overwrites'>,
  terminal: Terminal = {},
): Promise<InitChoices | 'cancelled'> {
  try {
    intro('A proxy between AWS KMS and your PKCS#11 token', terminal);
    const module = said.module ?? (await askForModule(terminal));
    const token = said.token ?? (await askForToken(module, terminal));
    const store =
      said.store ?? (await askText('Name of the external key store', INIT_DEFAULTS.store, terminal));
    const region = 'AWS region that KMS calls from';
    const regions = said.regions ?? [await askText(region, 'eu-central-1', terminal)];
    const name = 'Host name that KMS will call';
    const hostName = said.hostName ?? (await askText(name, 'xks.example.com', terminal));
    const certificate = said.certificate ?? (await askForCertificate(terminal));
    const key = 'Id of a first external key';
    const externalKeyIds = said.externalKeyIds ?? [await askText(key, INIT_DEFAULTS.externalKeyId, terminal)];
    outro(`All of it goes into ${said.folder}`, terminal);
    return {
      host: INIT_DEFAULTS.host,
      port: INIT_DEFAULTS.port,
      stateDirectory: INIT_DEFAULTS.stateDirectory,
      pathPrefix: defaultPathPrefix(store),
      ...said,
      module,
      token,
      store,
      regions,
      hostName,
      certificate,
      externalKeyIds,
    };
  } catch (error) {
    if (error === CANCELLED) return 'cancelled';
    throw error;
  }
}

async function askForModule(terminal: Terminal): Promise<string> {
  const found = findModules().map(({ path, product }) => ({ value: path, label: product, hint: path }));
  const other = { value: '', label: 'Another one' };
  const path =
    found.length === 0
      ? ''
      : answer(await select({ message: 'PKCS#11 module', options: [...found, other], ...terminal }));
  return path === '' ? resolve(await askText('Path of the PKCS#11 module', undefined, terminal)) : path;
}

async function askForToken(module: string, terminal: Terminal): Promise<ExistingToken | NewToken> {
  const infos = tokensOf(module);
  const options = [
    ...infos
      .filter(({ initialized }) => initialized)
      .map(({ label, serial }) => ({ value: label, label, hint: `serial ${serial}` })),
    ...(infos.every(({ initialized }) => initialized) ? [] : [{ value: '', label: 'Initialise a new one' }]),
  ];
  const message = 'Label of the token';
  const label =
    options.length === 0
      ? await askText(message, undefined, terminal)
      : answer(await select({ message, options, ...terminal }));
  if (label === '') return { kind: 'new', label: await askText(message, INIT_DEFAULTS.tokenLabel, terminal) };
  return {
    kind: 'existing',
    label,
    pin: answer(await password({ message: `PIN of ${label}`, ...terminal })),
  };
}

async function askForCertificate(terminal: Terminal): Promise<InitChoices['certificate']> {
  const message =
    'Is there a certificate of a public authority? Without one, a trial is all that can be done.';
  if (!answer(await confirm({ message, initialValue: false, ...terminal }))) return undefined;
  return {
    certificateFile: await askText('File with the chain, in PEM', undefined, terminal),
    keyFile: await askText('File with its private key, in PEM', undefined, terminal),
  };
}

async function askText(message: string, byDefault: string | undefined, terminal: Terminal): Promise<string> {
  const suggestion = byDefault === undefined ? {} : { placeholder: byDefault, defaultValue: byDefault };
  const validate = (value: string | undefined) =>
    (value ?? '') === '' && byDefault === undefined ? 'Something has to stand here' : undefined;
  return answer(await text({ message, validate, ...suggestion, ...terminal }));
}

function tokensOf(path: string): readonly TokenInfo[] {
  try {
    const module = openModule({ path });
    try {
      return module.tokens();
    } finally {
      module.close();
    }
  } catch (error) {
    if (!(error instanceof Pkcs11Error)) throw error;
    // The same failure comes again, with its reason, when the token is used.
    return [];
  }
}

function answer<T extends string | boolean>(given: T | typeof CANCEL_SYMBOL): T {
  if (given === CANCEL_SYMBOL) throw CANCELLED;
  return given;
}

const CANCELLED = new Error('cancelled');
