export type { AuditEvent, AuditedResource, UserIdentity } from './audit/event.ts';
export type { AuditFilter } from './audit/trail.ts';
export type { AuthMode } from './identity/auth-mode.ts';
export type { AccessKey, AccountPrincipals, Principal, Principals } from './identity/principals-file.ts';
export type { XksStoreMetrics } from './key-stores/xks-store-metrics.ts';
export type { ListeningKms, ListenOptions } from './listening.ts';
export { createLocalKms, type LocalKms, type LocalKmsOptions } from './local-kms.ts';
export { LocalKmsError, type LocalKmsErrorCode } from './local-kms-error.ts';
export type {
  ConnectionRecord,
  ControlRecord,
  HealthCheckRecord,
  ListeningRecord,
  Log,
  LogRecord,
  RefusalRecord,
  RequestRecord,
  ServerErrorRecord,
  StateLostRecord,
  XksCallRecord,
  XksOperation,
} from './log.ts';
export type { AllowReason, DecidingStatement, Decision, DenyReason } from './policy/decision.ts';
export type { AccessExplanation, AccessQuestion, AccessQuestions } from './policy/explanation.ts';
export type { RequestMembers } from './policy/request-members.ts';
export { passphraseProtection } from './protection/passphrase.ts';
export type { Protection, WrappedKey } from './protection/protection.ts';
export { type TokenProtectionOptions, tokenProtection } from './protection/token.ts';
export type { Seed, SeedKey } from './seed.ts';
export type { StateOptions } from './state/open-state.ts';
export { type DirectoryStoreOptions, directoryStore } from './store/directory/directory-store.ts';
export { postgresStore } from './store/postgres/postgres-store.ts';
export type { SealedChange, SealedRecord, Snapshot, Store, StoreLocation } from './store/store.ts';
export type { XksClientCertificate } from './xks/client-certificate.ts';
export type { ConnectionErrorCode, XksFailure } from './xks/failures.ts';
export type { XksOperationMetrics } from './xks/metrics.ts';
