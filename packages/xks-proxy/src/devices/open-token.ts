import { Pkcs11Error } from '@holdfast/pkcs11';
import type { IvBudget } from '../budget/iv-budget.ts';
import type { TokenConfig } from '../config/config.ts';
import { XksProxyError } from '../proxy-error.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import { tokenException } from './failures.ts';
import type { HealthStatus } from './health.ts';
import type { DeviceInfo, KeyDevice } from './key-device.ts';
import { connectToken, type TokenConnection } from './token-connection.ts';

/** A token that is open, for as long as somebody holds it: an old and a new configuration may share it. */
export interface OpenToken {
  readonly config: TokenConfig;
  /** Fails at once while the token is left alone. */
  readonly device: KeyDevice;
  readonly info: DeviceInfo;
  /** What the calls of the last seconds say. */
  readonly status: () => HealthStatus;
  /** Calls at once: how many there may be, are prepared for, and are prepared and idle; and how many never returned. */
  sessions(): ReturnType<TokenConnection['counts']>;
  hold(): void;
  /** Closes the token when it was the last hold. */
  release(): Promise<void>;
}

/**
 * Opens and holds a token. Rejects with XksProxyError `TOKEN_UNAVAILABLE`.
 *
 * @param onChange told when the token is left alone for its failures, and when it works again
 * @param budget counts what the keys of the token encrypt
 */
export async function openToken(
  config: TokenConfig,
  onChange: (status: HealthStatus, cause?: unknown) => void,
  budget: IvBudget,
): Promise<OpenToken> {
  const first = await connectToken(config).catch((cause: unknown): never => {
    const detail = cause instanceof Error ? cause.message : 'unknown error';
    const message = `the token ${config.name} cannot be opened: ${detail}`;
    throw new XksProxyError('TOKEN_UNAVAILABLE', message, { cause });
  });
  let connection: TokenConnection | undefined = first;
  let lost: unknown = new Pkcs11Error('CLOSED', 'the token is being opened anew');
  const connected = async (): Promise<KeyDevice> => {
    if (connection === undefined) throw tokenException(lost);
    return connection.device;
  };
  const { device, status } = circuitBreaker({
    device: {
      name: config.name,
      key: async (...call) => (await connected()).key(...call),
      ping: async (...call) => (await connected()).ping(...call),
    },
    /** Everything anew: threads, sessions, login, and the module too, unless another token needs it. */
    async revive() {
      if (isPinRefusal(lost)) return;
      const before = connection;
      connection = undefined;
      try {
        connection = await (before === undefined ? connectToken(config) : before.renewed());
      } catch (error) {
        lost = error;
      }
    },
    onChange,
  });
  let holds = 1;
  return {
    config,
    device: budget.over(device),
    info: first.info,
    status,
    sessions: () => connection?.counts() ?? { limit: config.maxSessions, open: 0, idle: 0, hung: 0 },
    hold() {
      holds += 1;
    },
    async release() {
      holds -= 1;
      if (holds === 0) await connection?.close();
    },
  };
}

/** Whether a token that is open serves another configuration as it is. */
export function isSameToken(a: TokenConfig, b: TokenConfig): boolean {
  const settings = ({ pin: _pin, healthKeyLabel: _label, ...others }: TokenConfig) => JSON.stringify(others);
  return settings(a) === settings(b) && a.pin.equals(b.pin);
}

// A token locks itself when it is offered a wrong PIN a few times.
const isPinRefusal = (error: unknown) => error instanceof Pkcs11Error && error.code.startsWith('PIN_');
