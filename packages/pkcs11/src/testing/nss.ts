import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModule } from '../module.ts';
import type { TestToken } from './test-token.ts';

/** A token of NSS softokn in a folder of its own. */
export interface TemporaryNssToken extends TestToken {
  readonly initializationParameters: string;
}

/** The softokn module of NSS where distributions put it (Debian, Ubuntu: package `libnss3`); undefined if there is none. */
export function findNssModule(): string | undefined {
  return KNOWN_PATHS.find((path) => existsSync(path));
}

/**
 * Creates a database with a token in a temporary folder. A process has one database at a time: the module must not be
 * open here.
 *
 * @throws Error if there is no module
 */
export function temporaryNssToken(options: { label?: string } = {}): TemporaryNssToken {
  const modulePath = findNssModule();
  if (modulePath === undefined) throw new Error('no NSS softokn found: install libnss3');
  const label = options.label ?? 'holdfast-test';
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-nss-'));
  const initializationParameters = `configdir='sql:${directory}' dbTokenDescription='${label}' flags=noModDB`;
  // NSS derives a key before every use of a private key: one round of that is enough for a test.
  const before = process.env[ROUNDS];
  process.env[ROUNDS] = '1';
  const dispose = () => {
    if (before === undefined) delete process.env[ROUNDS];
    else process.env[ROUNDS] = before;
    rmSync(directory, { recursive: true, force: true });
  };
  const pin = randomBytes(8).toString('hex');
  // The officer of a new database has an empty PIN.
  const soPin = '';
  try {
    const module = openModule({ path: modulePath, initializationParameters });
    try {
      module.initializeToken({ label, pin, soPin });
    } finally {
      module.close();
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return { modulePath, initializationParameters, label, pin, soPin, directory, dispose };
}

const ROUNDS = 'NSS_MAX_MP_PBE_ITERATION_COUNT';
const KNOWN_PATHS = [
  '/usr/lib/x86_64-linux-gnu/libsoftokn3.so',
  '/usr/lib/aarch64-linux-gnu/libsoftokn3.so',
  '/usr/lib64/libsoftokn3.so',
  '/usr/lib/libsoftokn3.so',
];
