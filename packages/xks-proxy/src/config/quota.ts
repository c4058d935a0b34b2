import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Files } from './files.ts';

/** The limit of requests to a store. */
export interface QuotaConfig {
  /** On all instances together that share the quota. */
  readonly requestsPerSecond: number;
  /** Whether the instances count together, on the server of `[redis]`. */
  readonly isShared: boolean;
}

/** The server on which instances count together. */
export interface RedisConfig {
  /** `redis://host:port/database`, `rediss://…` for TLS, or the path of a socket. */
  readonly url: string;
  readonly password: KeyObject | undefined;
  /** The time that a request waits for the count. */
  readonly timeoutMs: number;
  /** What happens to requests while the server is out: each instance counts alone, or refuses all. */
  readonly whenOut: 'count-alone' | 'refuse';
}

/** `[stores.quota]`: requests over it are answered `ThrottlingException`; health is not counted. */
export const quotaSchema = z
  .strictObject({
    requests_per_second: z.int().min(1).max(1_000_000),
    shared: z.boolean().default(false),
  })
  .transform((row): QuotaConfig => ({ requestsPerSecond: row.requests_per_second, isShared: row.shared }));

/** `[redis]`: where stores with `shared = true` are counted. */
export function redisSchema(files: Files) {
  return z
    .strictObject({
      url: z
        .string()
        .regex(/^(?:rediss?:\/\/[^@]+|\/.+)$/, 'must be redis://, rediss:// or a path, and hold no password'),
      password_file: files.secret('password', /^[^\r\n]{1,512}$/, 'one line of text').optional(),
      timeout_ms: z.int().min(1).max(200).default(20),
      when_out: z.enum(['count-alone', 'refuse']).default('count-alone'),
    })
    .transform(
      (row): RedisConfig => ({
        url: row.url,
        password: row.password_file,
        timeoutMs: row.timeout_ms,
        whenOut: row.when_out,
      }),
    );
}
