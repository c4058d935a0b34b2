import type { Command } from 'commander';
import { passphraseProtection } from '../protection/passphrase.ts';
import type { Protection } from '../protection/protection.ts';
import { tokenProtection } from '../protection/token.ts';
import type { StateOptions } from '../state/open-state.ts';
import { directoryStore } from '../store/directory/directory-store.ts';
import { postgresStore } from '../store/postgres/postgres-store.ts';
import type { StoreLocation } from '../store/store.ts';
import { optionFile } from './option-file.ts';

/** Where the state is, as a command line says it. */
export interface StoreOptions {
  readonly data?: string;
  readonly postgres?: string;
}

/** Under what the state is kept, as a command line says it. */
export interface ProtectionOptions {
  readonly passphraseFile?: string;
  readonly tokenModule?: string;
  readonly tokenLabel?: string;
  readonly tokenPinFile?: string;
  readonly tokenKey?: string;
}

/** Gives a command the options of a store. */
export function addStoreOptions(command: Command): Command {
  return command
    .option('--data <directory>', 'directory that keeps the state')
    .option('--postgres <url>', 'PostgreSQL database that keeps the state; the password from PGPASSWORD');
}

/** Gives a command the options of a protection. */
export function addProtectionOptions(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'with the passphrase that the state is kept under')
    .option('--token-module <file>', 'PKCS#11 module of the token whose key the state is kept under')
    .option('--token-label <label>', 'label of the token')
    .option('--token-pin-file <file>', 'with the PIN of its user')
    .option('--token-key <label>', 'label of the AES-256 key in it');
}

/** The store of the options; undefined if they name none. Throws RangeError for two. */
function storeOf({ data, postgres }: StoreOptions): StoreLocation | undefined {
  if (data !== undefined && postgres !== undefined) {
    throw new RangeError('--data and --postgres: expected one of them');
  }
  if (data !== undefined) return directoryStore(data);
  return postgres === undefined ? undefined : postgresStore(postgres);
}

/** Returns the store for a command that cannot do without one. Throws RangeError for none, and for two. */
export function requiredStoreOf(options: StoreOptions): StoreLocation {
  const store = storeOf(options);
  if (store) return store;
  throw new RangeError('--data or --postgres: expected one of them');
}

/** The store and the protection of a state; undefined for neither. Throws RangeError for one without the other. */
export function stateOf(options: StoreOptions & ProtectionOptions): StateOptions | undefined {
  const [store, protection] = [storeOf(options), protectionOf(options)];
  if (!store && !protection) return undefined;
  if (store && protection) return { store, protection };
  throw new RangeError(
    store
      ? '--data and --postgres also need --passphrase-file, or --token-module, --token-label, --token-pin-file and --token-key'
      : '--data or --postgres: expected with the protection of a state',
  );
}

function protectionOf({
  passphraseFile,
  tokenModule,
  tokenLabel,
  tokenPinFile,
  tokenKey,
}: ProtectionOptions): Protection | undefined {
  const isForToken = [tokenModule, tokenLabel, tokenPinFile, tokenKey].some((option) => option !== undefined);
  if (passphraseFile !== undefined) {
    if (isForToken) throw new RangeError('--passphrase-file: expected without the options of a token');
    return passphraseProtection(firstLine(passphraseFile));
  }
  if (!isForToken) return undefined;
  if (!tokenModule || !tokenLabel || !tokenPinFile || !tokenKey) {
    throw new RangeError(
      '--token-module, --token-label, --token-pin-file and --token-key: expected all of them',
    );
  }
  const pin = firstLine(tokenPinFile).toString('utf8');
  return tokenProtection({ modulePath: tokenModule, tokenLabel, pin, keyLabel: tokenKey });
}

function firstLine(path: string): Buffer {
  const bytes = optionFile(path);
  const end = bytes.findIndex((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
