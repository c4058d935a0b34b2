import { randomBytes } from 'node:crypto';
import {
  openModule,
  Pkcs11Error,
  type Pkcs11ErrorCode,
  type Pkcs11Module,
  type Token,
} from '@holdfast/pkcs11';
import type { ProxyConfig, TokenConfig } from '../config/config.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';
import { pkcs11Device } from '../devices/pkcs11-device.ts';
import { logIn } from '../keys/on-token.ts';
import { XksException } from '../xks-exception.ts';
import type { FindingCode, Report } from './findings.ts';
import { examineKeys } from './keys.ts';

/** Opens each token, tries it, and examines the keys that the stores expect there. */
export async function examineTokens(config: ProxyConfig, report: Report): Promise<void> {
  for (const token of config.tokens) await examineToken(config, token, report);
}

async function examineToken(config: ProxyConfig, tokenConfig: TokenConfig, report: Report): Promise<void> {
  const subject = `token ${tokenConfig.name}`;
  let module: Pkcs11Module | undefined;
  try {
    module = openModule({ path: tokenConfig.module });
    const token = logIn(module, tokenConfig);
    report(
      'token-open',
      subject,
      `${token.info.manufacturer} ${token.info.model}, serial ${token.info.serial}`,
    );
    const keys = token.aesKeys();
    examineKeys(config, tokenConfig, keys, report);
    const trial = trialKey(config, tokenConfig, token, report);
    if (trial !== undefined) await roundTrips(config, tokenConfig, token, trial, report);
  } catch (error) {
    if (!(error instanceof Pkcs11Error)) throw error;
    const shown = error.code === 'TOKEN_NOT_FOUND' ? `; the module shows ${tokensOf(module)}` : '';
    report(CODES[error.code] ?? 'token-failed', subject, `${error.message}${shown}`);
  } finally {
    module?.close();
  }
}

function tokensOf(module: Pkcs11Module | undefined): string {
  const labels = module?.tokens().filter(({ initialized }) => initialized) ?? [];
  return labels.length === 0 ? 'none' : labels.map(({ label, serial }) => `${label} (${serial})`).join(', ');
}

/** The key for trials: the configured one, or that of a store. */
function trialKey(
  { stores }: ProxyConfig,
  { name, healthKeyLabel: label }: TokenConfig,
  token: Token,
  report: Report,
): DeviceKeySelector | undefined {
  const subject = `token ${name}`;
  const ofStores = stores
    .flatMap(({ keys }) => keys)
    .filter(({ tokens, usages }) => usages.length === 2 && (tokens?.includes(name) ?? true))
    .flatMap(({ versions }) => versions.map(({ selector }) => selector));
  const isUsable = (selector: DeviceKeySelector) => {
    try {
      return token.aesKey(selector).usages.length === 2;
    } catch {
      return false;
    }
  };
  if (label === undefined) {
    report('health-key-unset', subject, 'its health is tried with a key of a store');
    return ofStores.find(isUsable);
  }
  if (!isUsable({ label })) {
    report('health-key-missing', subject, `there is no key ${label} that encrypts and decrypts`);
    return ofStores.find(isUsable);
  }
  if (ofStores.some((selector) => 'label' in selector && selector.label === label))
    report('health-key-shared', subject, `${label} is a key of a store`);
  return { label };
}

/** Encrypts and decrypts as the proxy does for one request each, and reports the median time. */
async function roundTrips(
  { server }: ProxyConfig,
  { name, iv }: TokenConfig,
  token: Token,
  selector: DeviceKeySelector,
  report: Report,
): Promise<void> {
  const subject = `token ${name}`;
  const durationsMs: number[] = [];
  try {
    const device = pkcs11Device(name, token, iv);
    for (let round = 0; round < ROUNDS; round += 1) {
      const [plaintext, aad] = [randomBytes(160), randomBytes(120)];
      const startedAt = performance.now();
      const sealed = await device.encrypt({ selector, aad, plaintext });
      const opened = await device.decrypt({ selector, aad, ...sealed });
      durationsMs.push(performance.now() - startedAt);
      if (!plaintext.equals(opened))
        return report('round-trip-failed', subject, 'it returned a wrong plaintext');
    }
  } catch (error) {
    const cause = error instanceof XksException ? error.cause : error;
    const isIv = cause instanceof Pkcs11Error && IV_CODES.has(cause.code);
    const text = cause instanceof Error ? cause.message : 'unknown error';
    return report(isIv ? 'iv-mode-wrong' : 'round-trip-failed', subject, text);
  }
  const medianMs = durationsMs.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  const text = `encryption and decryption take ${medianMs.toFixed(1)} ms of the ${server.timeoutMs} there are`;
  if (medianMs > server.timeoutMs) report('token-too-slow', subject, text);
  else if (medianMs > server.timeoutMs / 4) report('token-slow', subject, text);
  else report('round-trip-done', subject, text);
}

const CODES: Partial<Record<Pkcs11ErrorCode, FindingCode>> = {
  BINDING_UNAVAILABLE: 'binding-missing',
  MODULE_UNAVAILABLE: 'module-unusable',
  TOKEN_NOT_FOUND: 'token-absent',
  TOKEN_AMBIGUOUS: 'token-absent',
  PIN_INCORRECT: 'pin-refused',
  PIN_UNUSABLE: 'pin-refused',
  PIN_LOCKED: 'pin-locked',
};
const IV_CODES: ReadonlySet<Pkcs11ErrorCode> = new Set(['MECHANISM_UNSUPPORTED', 'INPUT_REFUSED']);
const ROUNDS = 21;
