/** The defaults of the options of a KMS and of every command. */
export const DEFAULTS = {
  region: 'us-east-1',
  accountId: '000000000000',
  host: '127.0.0.1',
  xksTimeoutMs: 250,
  xksHealthIntervalMs: 300_000,
  auth: 'off',
  grantDelayMs: 0,
} as const;
