import { createAccount } from './account.ts';
import { createApp } from './app.ts';
import { arnScope } from './arn.ts';
import type { AuditEvent } from './audit/event.ts';
import { type AuditFilter, createAuditTrail } from './audit/trail.ts';
import { createCurrentAccount } from './current-account.ts';
import { DEFAULTS } from './defaults.ts';
import { type AuthMode, guard } from './identity/auth-mode.ts';
import { principalDirectory } from './identity/principal-directory.ts';
import { type Principals, parsePrincipals } from './identity/principals-file.ts';
import { idSource } from './ids.ts';
import { type XksStoreMetrics, xksStoreMetrics } from './key-stores/xks-store-metrics.ts';
import { createListener, type ListeningKms, type ListenOptions } from './listening.ts';
import { LocalKmsError } from './local-kms-error.ts';
import type { Log } from './log.ts';
import { plant } from './plant.ts';
import {
  type AccessExplanation,
  type AccessQuestion,
  type AccessQuestions,
  explain,
  explainAll,
} from './policy/explanation.ts';
import { parseSeed, type Seed } from './seed.ts';
import { assertStateOptions, type StateOptions } from './state/open-state.ts';
import type { XksClientCertificate } from './xks/client-certificate.ts';
import { createXksTransport } from './xks/transport.ts';

/** The options of a local KMS. Each has a default. */
export interface LocalKmsOptions {
  /** The Region of requests that are signed for none. Default `us-east-1`. */
  readonly region?: string;
  /** The 12-digit account that owns every key. Default `000000000000`. */
  readonly accountId?: string;
  /** Where the hosts of external key store endpoints really are: host name to `address:port`. */
  readonly xksHosts?: Readonly<Record<string, string>>;
  /** PEM certificates to trust in proxies besides the public authorities. */
  readonly xksCertificateAuthorities?: string;
  /** What to show to proxies that ask for a certificate (mutual TLS). */
  readonly xksClientCertificate?: XksClientCertificate;
  /** The longest a proxy may take to answer, connecting included; up to a minute. Default 250, as in AWS. */
  readonly xksTimeoutMs?: number;
  /** How often proxies of connected stores are asked for their health: a second to a day. Default five minutes. */
  readonly xksHealthIntervalMs?: number;
  /** Keys and aliases to begin with; with `state`, where that is new. */
  readonly seed?: Seed;
  /**
   * Makes the ids of keys, grants and so on the same in every process that does the same with the same text. Not with
   * `state`, which already has ids of earlier processes.
   */
  readonly idSeed?: string;
  /** Where the state is stored, and what protects it. Without it, the state is in memory and gone with the process. */
  readonly state?: StateOptions;
  /** The principals besides the root user of the account. */
  readonly principals?: Principals;
  /**
   * Whether callers are identified by their signatures and held to policies and grants: `off` takes every caller for the
   * root user and refuses nothing, `log` only logs what would be refused, `enforce` refuses it. Default `off`.
   */
  readonly auth?: AuthMode;
  /** How long a new grant counts only in requests with its token. Default 0; some minutes in AWS. */
  readonly grantDelayMs?: number;
  /** Takes the audit event of every call. */
  readonly audit?: (event: AuditEvent) => void;
  /** Takes a record of every request and connection. */
  readonly log?: Log;
}

/** A KMS. It can listen more than once, at different ports; its state is open while it does. */
export interface LocalKms {
  /**
   * Rejects with the error of the socket, such as EADDRINUSE, if the port cannot be had, and with LocalKmsError if the
   * state cannot be opened.
   */
  listen(options?: ListenOptions): Promise<ListeningKms>;
  /**
   * Moves the clock forward, and carries out what is due by then: deletions, rotations, expiry of imported material.
   *
   * @throws RangeError unless `milliseconds` is from 0 up to a hundred years and the clock stays within a thousand years of
   * the time of this machine
   * @throws TypeError with `state`, unless the KMS listens
   */
  advanceClock(milliseconds: number): void;
  /**
   * Resolves when every change so far is in the store of `state`, as it is before any request is answered; without `state`
   * at once. Rejects with LocalKmsError if a change cannot be stored; with `state`, with TypeError unless the KMS listens.
   */
  flush(): Promise<void>;
  /**
   * Returns whether policies and grants allow a principal to do something to a key, and which of them decides that, whether
   * or not they are enforced.
   *
   * @throws RangeError for an unknown principal or permission, and where a key is missing
   * @throws KmsException NotFoundException for a key that does not exist
   */
  explain(question: AccessQuestion): AccessExplanation;
  /**
   * Explains some operations for all principals of the file and all keys, or for one of them.
   *
   * @throws as `explain`, but a key that is left out means all of them
   */
  explainAll(questions: AccessQuestions): readonly AccessExplanation[];
  /**
   * The last calls, up to 10 000 of them.
   *
   * @throws RangeError for an alias
   */
  auditEvents(filter?: AuditFilter): readonly AuditEvent[];
  /** What the calls to the proxies of external key stores came to. */
  xksMetrics(): readonly XksStoreMetrics[];
  /**
   * Forgets everything but the seed, including the calls so far, and sets the clock back to the time of this machine.
   * With `state`, rejects with TypeError unless the KMS listens.
   */
  reset(): Promise<void>;
}

/**
 * The AWS KMS API in this process, for development and tests: it stores its state only if `state` says where, and
 * authenticates and authorizes callers only if `auth` says so.
 *
 * @throws RangeError for a malformed Region, account id, host mapping, certificate, time limit or seed, for malformed
 * principals, and for `idSeed` with `state`
 * @throws TypeError for another `auth`, and for a `state` without a store and a protection
 * @example
 * const kms = await createLocalKms({ region: 'eu-north-1' }).listen();
 * const client = new KMSClient({ region: 'eu-north-1', endpoint: kms.url, credentials });
 */
export function createLocalKms({
  region = DEFAULTS.region,
  accountId = DEFAULTS.accountId,
  xksHosts = {},
  xksCertificateAuthorities,
  xksClientCertificate,
  xksTimeoutMs = DEFAULTS.xksTimeoutMs,
  xksHealthIntervalMs = DEFAULTS.xksHealthIntervalMs,
  seed = { keys: [] },
  idSeed,
  state,
  principals = { accounts: {} },
  auth = DEFAULTS.auth,
  grantDelayMs = DEFAULTS.grantDelayMs,
  audit = () => undefined,
  log = () => undefined,
}: LocalKmsOptions = {}): LocalKms {
  if (!(grantDelayMs >= 0)) throw new RangeError('grantDelayMs: expected a number of 0 or more');
  if (!(xksTimeoutMs > 0 && xksTimeoutMs <= MAX_XKS_TIMEOUT_MS)) {
    throw new RangeError(`xksTimeoutMs: expected a number above 0, up to ${MAX_XKS_TIMEOUT_MS}`);
  }
  if (!(xksHealthIntervalMs >= 1000 && xksHealthIntervalMs <= MAX_XKS_HEALTH_INTERVAL_MS)) {
    throw new RangeError(`xksHealthIntervalMs: expected 1000 to ${MAX_XKS_HEALTH_INTERVAL_MS}`);
  }
  if (state) assertStateOptions(state);
  if (state && idSeed !== undefined) throw new RangeError('idSeed: expected none with state');
  const transport = createXksTransport({
    hosts: xksHosts,
    certificateAuthorities: xksCertificateAuthorities,
    clientCertificate: xksClientCertificate,
    timeoutMs: xksTimeoutMs,
  });
  const parsedSeed = parseSeed(seed, region);
  const current = createCurrentAccount({
    accountId,
    state,
    create(records, clock) {
      const ids = idSource(idSeed);
      const account = createAccount({ accountId, clock, ids, records, transport, xksHealthIntervalMs, log });
      account.region(region);
      return account;
    },
    plant: (account) => plant(account, parsedSeed),
    onLost: (error) => log({ event: 'state-lost', cause: causeOf(error) }),
  });
  const scope = arnScope(region, accountId);
  const directory = principalDirectory(parsePrincipals(principals), scope);
  const trail = createAuditTrail(MAX_AUDIT_EVENTS);
  const app = createApp({
    account: () => current.account(),
    scope,
    ...guard(auth, { directory, scope, grantDelayMs, log }),
    log,
    flush: () => current.flush(),
    audit(event) {
      trail.record(event);
      audit(event);
    },
  });
  const sources = () => ({ account: current.account(), defaultRegion: region, directory, grantDelayMs });
  const catchUp = (): void => {
    current.account().catchUp();
    // A failure is in the log already.
    current.flush().catch(() => undefined);
  };

  return {
    listen: createListener({ fetch: app.fetch, current, transport, catchUp, log }),
    advanceClock(milliseconds) {
      current.advanceClock(milliseconds);
      catchUp();
    },
    flush: () => current.flush(),
    explain: (question) => explain(sources(), question),
    explainAll: (questions) => explainAll(sources(), questions),
    auditEvents: (filter) => trail.find(filter),
    xksMetrics: () => xksStoreMetrics(current.account()),
    async reset() {
      await current.reset();
      trail.clear();
    },
  };
}

function causeOf(error: unknown): string {
  if (error instanceof LocalKmsError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

const MAX_AUDIT_EVENTS = 10_000;
const MAX_XKS_TIMEOUT_MS = 60_000;
const MAX_XKS_HEALTH_INTERVAL_MS = 86_400_000;
