import type { KeyObject } from 'node:crypto';
import { openModule, type Pkcs11Module, type Token } from '@holdfast/pkcs11';
import { createApp } from './app.ts';
import type { ProxyConfig } from './config.ts';
import { gracefulClose } from './graceful-close.ts';
import { fleetHealth } from './health.ts';
import { httpsServer, listen } from './https-server.ts';
import type { KeyDevice } from './key-device.ts';
import { createLog, type LogStream, type ProxyLog } from './log.ts';
import { pkcs11Device } from './pkcs11-device.ts';
import { XksProxyError } from './proxy-error.ts';
import { keyUsages, openStore } from './stores.ts';

/** What is not configuration, but the program's own. */
export interface StartProxyOptions {
  /** Receives one JSON line an event; nothing is logged without it. */
  readonly log?: LogStream;
}

/** A listening proxy. */
export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, lets requests under way finish, then closes the token. */
  close(): Promise<void>;
}

/**
 * Opens the token, then listens. Throws XksProxyError `TOKEN_UNAVAILABLE` or `LISTEN_FAILED`.
 *
 * @example
 * const proxy = await startProxy(config, { log: process.stdout });
 * await proxy.close();
 */
export async function startProxy(
  config: ProxyConfig,
  { log: stream }: StartProxyOptions = {},
): Promise<RunningProxy> {
  const log = createLog(stream);
  const { module, token } = openToken(config);
  const release = (): void => {
    token.close();
    module.close();
  };
  try {
    const device = pkcs11Device(token);
    const borrowable = checkKeys(config, device, log);
    const { timeoutMs } = config.token;
    const health = fleetHealth({
      device,
      config: config.health,
      borrowedLabels: [...borrowable.keys()],
      timeoutMs,
      onChange: (status, cause) => log.health(status, cause),
      onKeyFailure(label, cause) {
        const key = borrowable.get(label);
        if (key !== undefined) log.keyUnavailable(key, cause);
      },
    });
    // The first calls into a token are slow; KMS should not be the one to wait for them.
    await health.status();
    const stores = config.stores.map(openStore);
    const app = createApp({ stores, device, health, log, timeoutMs });
    const server = httpsServer(config.server.tls, app.fetch, log);
    const stop = gracefulClose(server);
    const port = await listen(server, config.server);
    // Such as EMFILE for a connection that cannot be taken: without a listener it would end the process.
    server.on('error', (error) => log.serverError(error));
    const { host } = config.server;
    log.listening({
      host,
      port,
      tokenLabel: token.info.label,
      tokenSerial: token.info.serial,
      stores: stores.length,
    });
    return {
      url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      port,
      async close() {
        await stop();
        release();
        log.stopped();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

function openToken({ token }: ProxyConfig): { module: Pkcs11Module; token: Token } {
  let module: Pkcs11Module | undefined;
  try {
    module = openModule({ path: token.module });
    const pin = secretText(token.pin);
    const { selector, maxSessions, calls } = token;
    const maxWaiting = WAITING_PER_SESSION * maxSessions;
    return { module, token: module.openToken({ ...selector, pin, maxSessions, maxWaiting, calls }) };
  } catch (cause) {
    module?.close();
    const detail = cause instanceof Error ? cause.message : 'unknown error';
    throw new XksProxyError('TOKEN_UNAVAILABLE', `the token cannot be opened: ${detail}`, { cause });
  }
}

function secretText(secret: KeyObject): string {
  const bytes = secret.export();
  const text = bytes.toString('utf8');
  bytes.fill(0);
  return text;
}

/** Logs each configured key that cannot be used; returns, by label, the keys that health may be probed with. */
function checkKeys({ stores }: ProxyConfig, device: KeyDevice, log: ProxyLog): ReadonlyMap<string, KeyName> {
  const borrowable = new Map<string, KeyName>();
  for (const { name, keys } of stores) {
    for (const key of keys) {
      const keyName = { store: name, externalKeyId: key.externalKeyId };
      try {
        const usages = keyUsages(key, device.key(key.label));
        const usable = key.status === 'ENABLED' && usages.length === 2;
        if (usable && !borrowable.has(key.label)) borrowable.set(key.label, keyName);
      } catch (error) {
        log.keyUnavailable(keyName, error);
      }
    }
  }
  return borrowable;
}

interface KeyName {
  readonly store: string;
  readonly externalKeyId: string;
}

// More would miss their deadline while they wait: KMS had better hear at once that we are busy.
const WAITING_PER_SESSION = 4;
