export { type ProxyConfig, parseConfig } from './config/config.ts';
export type { LogStream } from './log.ts';
export { XksProxyError, type XksProxyErrorCode } from './proxy-error.ts';
export { type RunningProxy, type StartProxyOptions, startProxy } from './server.ts';
