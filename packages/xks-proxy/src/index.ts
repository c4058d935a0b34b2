export { type ProxyConfig, parseConfig } from './config.ts';
export { XksProxyError, type XksProxyErrorCode } from './errors.ts';
export type { LogStream } from './log.ts';
export { type RunningProxy, type StartProxyOptions, startProxy } from './server.ts';
