import type { KeyObject } from 'node:crypto';
import { openModule, type Pkcs11Module } from '@holdfast/pkcs11';
import type { TokenConfig } from '../config/config.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { DeviceInfo, KeyDevice } from './key-device.ts';
import { pkcs11Device } from './pkcs11-device.ts';

/** A token that is open, for as long as somebody holds it: an old and a new configuration may share it. */
export interface OpenToken {
  readonly config: TokenConfig;
  readonly device: KeyDevice;
  readonly info: DeviceInfo;
  hold(): void;
  /** Closes the token when it was the last hold. */
  release(): void;
}

/** Opens and holds a token. Throws XksProxyError `TOKEN_UNAVAILABLE`. */
export function openToken(config: TokenConfig): OpenToken {
  let module: Pkcs11Module | undefined;
  try {
    const opened = openModule({ path: config.module });
    module = opened;
    const { selector, maxSessions, calls } = config;
    const maxWaiting = WAITING_PER_SESSION * maxSessions;
    const pin = secretText(config.pin);
    const token = opened.openToken({ ...selector, pin, maxSessions, maxWaiting, calls });
    let holds = 1;
    return {
      config,
      device: pkcs11Device(config.name, token),
      info: token.info,
      hold() {
        holds += 1;
      },
      release() {
        holds -= 1;
        if (holds > 0) return;
        token.close();
        opened.close();
      },
    };
  } catch (cause) {
    module?.close();
    const detail = cause instanceof Error ? cause.message : 'unknown error';
    const message = `the token ${config.name} cannot be opened: ${detail}`;
    throw new XksProxyError('TOKEN_UNAVAILABLE', message, { cause });
  }
}

/** Whether a token that is open serves another configuration as it is. */
export function isSameToken(a: TokenConfig, b: TokenConfig): boolean {
  const settings = ({ name, module, selector, calls, maxSessions }: TokenConfig) =>
    JSON.stringify([name, module, selector, calls, maxSessions]);
  return settings(a) === settings(b) && a.pin.equals(b.pin);
}

function secretText(secret: KeyObject): string {
  const bytes = secret.export();
  const text = bytes.toString('utf8');
  bytes.fill(0);
  return text;
}

// More would miss their deadline while they wait: KMS had better hear at once that we are busy.
const WAITING_PER_SESSION = 4;
