import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A module of its own in front of a token's, which fails on command. */
export interface Shim {
  readonly modulePath: string;
  /** With which the module finds what it stands in front of: this process has that of the newest shim. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the next calls of a function come to; of the next one only, unless `calls` says otherwise. */
  fail(site: CallSite, fault: Fault, calls?: number): void;
  /** How many calls of a function its last fault has met. */
  hits(site: CallSite): number;
  /** Who finds the IV of AES-GCM. */
  iv(source: IvSource): void;
  /** No faults from now on; calls that hang return. */
  heal(): void;
  dispose(): void;
}

/** A function that can fail. */
export type CallSite = keyof typeof SITES;

/** What becomes of a call: a return value, no return before `heal`, a delay, or all sessions of the process closed before it. */
type Fault = { readonly returns: number } | { readonly delayMs: number } | 'hang' | 'lose-sessions';

/** Given by the caller, written over what the caller gave, or appended to the ciphertext. */
type IvSource = (typeof IV_SOURCES)[number];

/** Whether this machine has a C compiler. */
export function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Compiles the shim into a temporary folder, in front of the module. One at a time in a process: it finds its module and
 * its orders by environment variables.
 */
export function createShim(realModulePath: string): Shim {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-shim-'));
  const [modulePath, control] = [join(directory, 'shim.so'), join(directory, 'control')];
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', modulePath, SOURCE, '-ldl']);
  writeFileSync(control, new Uint8Array(RULES * RULE_BYTES));
  const environment = { SHIM_MODULE: realModulePath, SHIM_CONTROL: control };
  Object.assign(process.env, environment);
  const file = openSync(control, 'r+');
  const write = (rule: number, words: readonly number[]) =>
    writeSync(file, new Uint8Array(Int32Array.from(words).buffer), 0, words.length * 4, rule * RULE_BYTES);
  return {
    modulePath,
    environment,
    fail: (site, fault, calls = 1) => void write(SITES[site], [...orders(fault), calls, 0]),
    hits(site) {
      const words = new Int32Array(RULE_BYTES / 4);
      readSync(file, new Uint8Array(words.buffer), 0, RULE_BYTES, SITES[site] * RULE_BYTES);
      return words.at(-1) ?? 0;
    },
    iv: (source) => void write(IV_RULE, [IV_SOURCES.indexOf(source), 0, 0, 0]),
    heal: () => {
      for (const rule of Object.values(SITES)) write(rule, [0, 0, 0, 0]);
    },
    dispose() {
      closeSync(file);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function orders(fault: Fault): readonly [action: number, argument: number] {
  if (fault === 'hang') return [2, 0];
  if (fault === 'lose-sessions') return [4, 0];
  if ('returns' in fault) return [1, fault.returns | 0];
  return [3, fault.delayMs * 1000];
}

const SOURCE = fileURLToPath(new URL('../src/shim.c', import.meta.url));
const RULE_BYTES = 16;
/** Their places in CK_FUNCTION_LIST (PKCS #11 v2.40). */
const SITES = {
  C_Initialize: 0,
  C_Finalize: 1,
  C_InitPIN: 10,
  C_OpenSession: 12,
  C_GetSessionInfo: 15,
  C_Login: 18,
  C_GetAttributeValue: 24,
  C_FindObjectsInit: 26,
  C_FindObjects: 27,
  C_EncryptInit: 29,
  C_Encrypt: 30,
  C_DecryptInit: 33,
  C_Decrypt: 34,
  C_GenerateRandom: 64,
} as const;
const IV_RULE = 68;
const RULES = IV_RULE + 1;
const IV_SOURCES = ['supplied', 'written', 'appended'] as const;
