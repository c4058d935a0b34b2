export type { AdminConfig } from './config/admin.ts';
export type { AuditConfig } from './config/audit.ts';
export {
  type CredentialConfig,
  type HealthConfig,
  type ProxyConfig,
  parseConfig,
  type StoreConfig,
  type TlsConfig,
  type TokenConfig,
} from './config/config.ts';
export type { ReadOptions } from './config/files.ts';
export type { IvBudgetConfig } from './config/iv-budget.ts';
export type { KeyVersionConfig, StoreKeyConfig } from './config/keys.ts';
export type { QuotaConfig, RedisConfig } from './config/quota.ts';
export { startProxy } from './library.ts';
export type { LogStream } from './log.ts';
export { XksProxyError, type XksProxyErrorCode } from './proxy-error.ts';
export type { RunningProxy, StartProxyOptions } from './server.ts';
