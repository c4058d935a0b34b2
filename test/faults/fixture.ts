import { createSecretKey } from 'node:crypto';
import { openModule } from '@holdfast/pkcs11';
import { type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { createShim, type Shim } from '@holdfast/testbed/shim';
import { onTestFinished } from 'vitest';
import { openIvBudget } from '../../packages/xks-proxy/src/budget/iv-budget.ts';
import type { TokenConfig } from '../../packages/xks-proxy/src/config/config.ts';
import type { Deadline } from '../../packages/xks-proxy/src/deadline.ts';
import type { KeyDevice, Sealed } from '../../packages/xks-proxy/src/devices/key-device.ts';
import { type OpenToken, openToken } from '../../packages/xks-proxy/src/devices/open-token.ts';

/** A real token behind a module that fails on command, as the proxy uses it. */
export interface FaultyToken {
  readonly shim: Shim;
  readonly token: TemporaryToken;
  readonly open: OpenToken;
  /** What the circuit breaker told, in order. */
  readonly changes: readonly string[];
}

/** A token with the key `orders`, not opened yet. It is put away when the test is over. */
export function faultyModule(): Pick<FaultyToken, 'shim' | 'token'> {
  const token = temporaryToken({ label: 'faults' });
  const shim = createShim(token.modulePath);
  onTestFinished(() => {
    shim.dispose();
    token.dispose();
  });
  const module = openModule({ path: shim.modulePath });
  module.openToken({ label: token.label, pin: token.pin }).generateAesKey({ label: 'orders' });
  module.close();
  return { shim, token };
}

/** Opens one with the key `orders`; everything is put away when the test is over. */
export async function faultyToken(change: Partial<TokenConfig> = {}): Promise<FaultyToken> {
  const { shim, token } = faultyModule();
  const changes: string[] = [];
  const onChange = (status: string) => void changes.push(status);
  const open = await openToken(tokenConfig(shim.modulePath, token, change), {
    onChange,
    budget: UNCOUNTED,
  });
  onTestFinished(async () => {
    shim.heal();
    await open.release();
  });
  return { shim, token, open, changes };
}

/** The configuration of the token behind a module. */
export function tokenConfig(
  module: string,
  { label, pin }: TemporaryToken,
  change: Partial<TokenConfig> = {},
): TokenConfig {
  return {
    name: 'faulty',
    module,
    selector: { label },
    pin: createSecretKey(pin, 'utf8'),
    calls: 'inline',
    iv: 'supplied',
    maxSessions: 4,
    healthKeyLabel: undefined,
    cluster: undefined,
    ...change,
  };
}

/**
 * The configuration of a test proxy with two tokens: `faulty` behind the shim, called in threads, and `well`, the same one
 * without it. The store `other` is on the latter.
 *
 * @param tokensOfAcme those of the store `acme`, in TOML
 */
export function onTwoTokens(toml: string, { modulePath }: Shim, tokensOfAcme: string): string {
  const row = /\[\[tokens\]\]\n([^[]*)/.exec(toml)?.[1] ?? '';
  const faulty = row
    .replace(/module = ".*"/, `module = ${JSON.stringify(modulePath)}`)
    .concat('name = "faulty"\ncalls = "worker"\nmax_sessions = 2\n');
  const [before = '', acme = '', other = ''] = toml.split('[[stores]]');
  return [
    before.replace(row, `${faulty}[[tokens]]\n${row}name = "well"\ncalls = "inline"\n`),
    acme.replaceAll('[[stores.keys]]', `[[stores.keys]]\ntokens = ${tokensOfAcme}`),
    other.replaceAll('[[stores.keys]]', '[[stores.keys]]\ntokens = ["well"]'),
  ].join('[[stores]]');
}

/** A budget that nobody exceeds here. */
export const UNCOUNTED = openIvBudget(
  { limit: 2 ** 32, stateDirectory: undefined, atLimit: 'refuse' },
  () => undefined,
);

const AAD = Buffer.from('context');
const PLAINTEXT = Buffer.from('a data key');

/** Seals with the key, as Encrypt does. */
export async function seal(device: KeyDevice, deadline?: Deadline): Promise<Sealed> {
  return device.encrypt({ selector: KEY, aad: AAD, plaintext: PLAINTEXT }, deadline && { deadline });
}

/** Whether the sealed data opens to what it was. */
export async function opens(device: KeyDevice, sealed: Sealed): Promise<boolean> {
  return PLAINTEXT.equals(await device.decrypt({ selector: KEY, aad: AAD, ...sealed }));
}

/** Milliseconds until the device seals and opens again. */
export async function recoveryMs(device: KeyDevice): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    if (await tryToUse(device)) return performance.now() - startedAt;
    if (performance.now() - startedAt > 10_000) return Number.POSITIVE_INFINITY;
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

/** Whether the device seals and opens now; what fails, fails as an exception that can be answered. */
export async function tryToUse(device: KeyDevice, sealed?: Sealed): Promise<boolean> {
  try {
    return (
      (await opens(device, await seal(device))) && (sealed === undefined || (await opens(device, sealed)))
    );
  } catch (error) {
    return isAnswer(error);
  }
}

function isAnswer(error: unknown): false {
  if (error instanceof Error && error.name === 'XksException') return false;
  throw error;
}

const KEY = { label: 'orders' };
