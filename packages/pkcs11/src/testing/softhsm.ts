import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isAcquired } from '../library/library.ts';
import { openModule } from '../module.ts';
import type { TestToken } from './test-token.ts';

/** A SoftHSM token in a folder of its own. */
export interface TemporaryToken extends TestToken {
  /** For child processes that are to see the token. */
  readonly environment: { readonly SOFTHSM2_CONF: string };
}

/**
 * The SoftHSM module of this machine: `PKCS11_MODULE` if set, else where distributions put it, else below a
 * `.setup` folder in the working directory or above it; undefined if there is none.
 */
export function findModule(): string | undefined {
  const chosen = process.env['PKCS11_MODULE'];
  if (chosen !== undefined && chosen !== '') return chosen;
  return KNOWN_PATHS.find((path) => existsSync(path)) ?? findBelowSetup(process.cwd());
}

/**
 * Creates a token in a temporary folder, and points this process to it through `SOFTHSM2_CONF`. SoftHSM reads
 * that when it is initialised, so the module must not be open here, and only the newest token is visible.
 *
 * @throws Error if there is no module, or it is open
 */
export function temporaryToken(options: { label?: string; modulePath?: string } = {}): TemporaryToken {
  const modulePath = options.modulePath ?? findModule();
  if (modulePath === undefined)
    throw new Error('no PKCS#11 module found: install SoftHSM2 or set PKCS11_MODULE');
  if (isAcquired(modulePath)) throw new Error(`${modulePath} is open in this process: close it first`);
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-token-'));
  const [objects, configuration] = [join(directory, 'objects'), join(directory, 'softhsm2.conf')];
  mkdirSync(objects, { mode: 0o700 });
  writeFileSync(configuration, `directories.tokendir = ${objects}\nlog.level = ERROR\n`);

  const before = process.env['SOFTHSM2_CONF'];
  process.env['SOFTHSM2_CONF'] = configuration;
  const label = options.label ?? 'holdfast-test';
  const [pin, soPin] = [randomPin(), randomPin()];
  const dispose = () => {
    if (before === undefined) delete process.env['SOFTHSM2_CONF'];
    else process.env['SOFTHSM2_CONF'] = before;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const module = openModule({ path: modulePath });
    try {
      module.initializeToken({ label, pin, soPin });
    } finally {
      module.close();
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return { modulePath, label, pin, soPin, directory, environment: { SOFTHSM2_CONF: configuration }, dispose };
}

function findBelowSetup(directory: string): string | undefined {
  const setup = join(directory, '.setup');
  if (existsSync(setup)) {
    const entries = readdirSync(setup, { recursive: true, encoding: 'utf8' });
    const module = entries.find((entry) => entry.endsWith('libsofthsm2.so'));
    if (module !== undefined) return join(setup, module);
  }
  const parent = dirname(directory);
  return parent === directory ? undefined : findBelowSetup(parent);
}

function randomPin(): string {
  return randomBytes(8).toString('hex');
}

const KNOWN_PATHS = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];
