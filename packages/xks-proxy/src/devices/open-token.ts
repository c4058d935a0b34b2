import { setTimeout as sleep } from 'node:timers/promises';
import { Pkcs11Error } from '@holdfast/pkcs11';
import type { IvBudget } from '../budget/iv-budget.ts';
import type { TokenConfig } from '../config/config.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { XksException } from '../xks-exception.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { isOutage, isPinRefusal, tokenException } from './failures.ts';
import type { HealthStatus } from './health.ts';
import type { DeviceInfo, KeyDevice } from './key-device.ts';
import { connectToken, type TokenConnection } from './token-connection.ts';

/** A token that stays open as long as it is held: an old and a new configuration may share it. */
export interface OpenToken {
  readonly config: TokenConfig;
  /** Rejects at once while its circuit is open. */
  readonly device: KeyDevice;
  readonly info: DeviceInfo;
  /** The state that the calls of the last seconds show. */
  readonly status: () => HealthStatus;
  /** Whether it is not open, or its circuit is. */
  isOut(): boolean;
  /** Sessions: how many there may be, are open and are idle; and how many calls were given up and have not returned. */
  sessions(): ReturnType<TokenConnection['counts']>;
  /** Whether so many calls never returned that no more are made. */
  isStuck(): boolean;
  hold(): void;
  /** Gives up a hold; the last one closes the token. */
  release(): Promise<void>;
}

/** How a token is opened. */
export interface OpenTokenOptions {
  /** Called when the circuit of the token opens after failures, and when the token works again. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
  /** Counts what the keys of the token encrypt. */
  readonly budget: IvBudget;
  /** Whether the process uses the token already, with the PIN of another configuration; this PIN is for the next login. */
  readonly isInUse?: boolean;
}

/** Opens and holds a token. Rejects with XksProxyError `TOKEN_UNAVAILABLE` or `PIN_REFUSED`. */
export async function openToken(config: TokenConfig, options: OpenTokenOptions): Promise<OpenToken> {
  // The probe of a token does not keep the process alive: right for a token that is opened anew, and wrong for a start.
  const stay = setInterval(() => undefined, STAY_MS);
  const connection = await connectToken(config, options)
    .catch((cause: unknown): never => {
      const detail = cause instanceof Error ? cause.message : 'unknown error';
      const message = `the token ${config.name} cannot be opened: ${detail}`;
      throw new XksProxyError(isPinRefusal(cause) ? 'PIN_REFUSED' : 'TOKEN_UNAVAILABLE', message, { cause });
    })
    .finally(() => clearInterval(stay));
  return heldToken(config, connection, options);
}

/** Holds a token that could not be opened, and opens it as soon as it can be. */
export function awaitToken(
  config: TokenConfig,
  { cause }: XksProxyError,
  options: OpenTokenOptions,
): OpenToken {
  return heldToken(config, undefined, options, cause);
}

function heldToken(
  config: TokenConfig,
  first: TokenConnection | undefined,
  { onChange, budget }: OpenTokenOptions,
  cause?: unknown,
): OpenToken {
  const counted = (made: TokenConnection): TokenConnection => ({ ...made, device: budget.over(made.device) });
  let connection = first && counted(first);
  let renewing: TokenConnection | undefined;
  let info = first?.info ?? { serial: config.name, model: 'unknown', manufacturer: 'unknown' };
  let lost = cause;
  let renewal = Promise.resolve();
  let holds = 1;
  const connected = (): KeyDevice => {
    if (connection === undefined) throw outage(lost);
    return connection.device;
  };
  /** Opens everything anew: threads, sessions, login, and the module too unless another token needs it. */
  const renew = async (last: XksException): Promise<void> => {
    // Threads that hang are replaced by their pool, within bounds; anything else would be left behind each time.
    const isHanging = (connection?.counts().hung ?? 0) > 0;
    if (isHanging || isPinRefusal(last.cause)) return;
    renewing = connection;
    connection = undefined;
    lost = last.cause;
    try {
      const renewed = await (renewing?.renewed() ?? connectToken(config));
      if (holds === 0) {
        await renewed.close();
        return;
      }
      connection = counted(renewed);
      info = renewed.info;
    } catch (error) {
      lost = error;
    } finally {
      renewing = undefined;
    }
  };
  const { device, status } = circuitBreaker({
    name: config.name,
    connected,
    revive(last) {
      renewal = renew(last);
      return renewal;
    },
    onChange,
  });
  return {
    config,
    device,
    get info() {
      return info;
    },
    status,
    isOut: () => connection === undefined || status() === 'UNAVAILABLE',
    sessions: () =>
      (connection ?? renewing)?.counts() ?? { limit: config.maxSessions, open: 0, idle: 0, hung: 0 },
    isStuck: () => (connection ?? renewing)?.isStuck() ?? false,
    hold() {
      holds += 1;
    },
    async release() {
      holds -= 1;
      if (holds > 0) return;
      // A renewal may wait for the token without end. If it ends later, it closes what it has opened.
      const waited = new AbortController();
      await Promise.race([renewal, sleep(RENEWAL_MS, undefined, { signal: waited.signal })]);
      waited.abort();
      await connection?.close();
    },
  };
}

/** The exception for a token that is not open: for any cause, it does not work. */
function outage(cause: unknown): XksException {
  const exception = tokenException(cause);
  if (isOutage(exception)) return exception;
  return tokenException(new Pkcs11Error('TOKEN_UNAVAILABLE', 'the token is not open', { cause }));
}

/** Whether a token may work later as it is configured. A wrong PIN will not, and a token locks itself after several. */
export function isPassing({ cause }: XksProxyError): boolean {
  return cause instanceof Pkcs11Error && !isPinRefusal(cause);
}

/** Whether an open token also serves another configuration. */
export function isSameToken(a: TokenConfig, b: TokenConfig): boolean {
  return isSameButForPin(a, b) && a.pin.equals(b.pin);
}

/** Whether two configurations of a token differ at most in its PIN, which matters only at a login. */
export function isSameButForPin(a: TokenConfig, b: TokenConfig): boolean {
  const settings = ({ pin: _pin, ...others }: TokenConfig) => JSON.stringify(others);
  return settings(a) === settings(b);
}

// For a renewal that is under way when the last hold is given up.
const RENEWAL_MS = 1000;
const STAY_MS = 60_000;
