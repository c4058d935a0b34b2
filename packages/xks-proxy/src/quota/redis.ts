import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisConfig } from '../config/quota.ts';
import { XksProxyError } from '../proxy-error.ts';

/** A connection to the server on which instances count together. */
export type RedisClient = Redis;

/**
 * Connects to a Redis server. Resolves when it is connected, or after a second: a proxy starts and serves without it, and
 * goes on trying to connect. A command that cannot be sent at once, or is not answered in time, fails; after a second
 * without an answer the connection is closed, and opened anew. Rejects with XksProxyError `CONFIG_INVALID` if the package
 * `ioredis` is not installed.
 */
export async function connectRedis({ url, password, timeoutMs }: RedisConfig): Promise<RedisClient> {
  const { Redis } = await import('ioredis').catch((cause: unknown) => {
    const message = 'redis: the package ioredis is not installed; shared quotas need it';
    throw new XksProxyError('CONFIG_INVALID', message, { cause });
  });
  const client = new Redis(url, {
    ...(password !== undefined && { password: password.export().toString('utf8') }),
    commandTimeout: timeoutMs,
    // A server that is gone without closing the connection would be waited for until TCP gives up, with every command kept.
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(attempt * RETRY_STEP_MS, MAX_RETRY_MS),
  });
  // Without a listener it would write to stderr. The effect on a request is in the log of that request.
  client.on('error', () => undefined);
  await Promise.race([new Promise((resolve) => void client.once('ready', resolve)), sleep(MAX_WAIT_MS)]);
  return client;
}

const MAX_WAIT_MS = 1_000;
const SILENCE_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RETRY_STEP_MS = 50;
const MAX_RETRY_MS = 1_000;
