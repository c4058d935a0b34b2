export {
  createLocalKms,
  type ListeningKms,
  type ListenOptions,
  type LocalKms,
  type LocalKmsOptions,
} from './local-kms.ts';
export type {
  ConnectionRecord,
  ListeningRecord,
  Log,
  LogRecord,
  RequestRecord,
  XksCallRecord,
} from './log.ts';
export type { Seed, SeedKey } from './seed.ts';
