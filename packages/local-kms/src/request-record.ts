import type { ArnScope } from './arn.ts';
import { type AuditEvent, auditEvent } from './audit/event.ts';
import type { Identity } from './identity/authentication.ts';
import { isTracked } from './keys/last-uses.ts';
import type { Account } from './kms.ts';
import type { KmsException } from './kms-exception.ts';
import type { Log, XksCallRecord } from './log.ts';
import type { RequestMembers } from './policy/request-members.ts';
import type { RequestOrigin } from './protocol/incoming-request.ts';
import { millisecondsSince } from './protocol/time.ts';

/** What is known of a request, and what is found out while it is served. */
export interface RequestNotes {
  readonly requestId: string;
  readonly operation: string;
  /** The scope of the Region that the request is signed for: until the signature is verified, as the header says. */
  scope: ArnScope;
  readonly origin: RequestOrigin;
  /** A value of `performance.now()`. */
  readonly started: number;
  /** Absent where the caller is unknown. */
  identity?: Identity;
  /** Absent where the request is refused before its members are read. */
  members?: RequestMembers;
  /** The keys that the request is about; the log shows the last of them. */
  readonly keyArns: string[];
  readonly xksCalls: XksCallRecord[];
}

/** Where requests are recorded. */
interface RecordOptions {
  readonly account: Account;
  readonly log: Log;
  readonly audit: (event: AuditEvent) => void;
}

/** Records a request: in the log, in the last uses of its keys, and as an audit event. */
export function recordRequest(
  { requestId, operation, scope, origin, started, identity, members, ...notes }: RequestNotes,
  error: KmsException | undefined,
  { account, log, audit }: RecordOptions,
): void {
  const keyId = notes.keyArns.at(-1);
  log({
    event: 'request',
    requestId,
    operation,
    ...(identity?.accessKeyId !== undefined && { principal: identity.caller.arn }),
    ...(keyId !== undefined && { keyId }),
    ...(error && { errorName: error.code, ...faultOf(error) }),
    durationMs: millisecondsSince(started),
    ...(notes.xksCalls.length > 0 && { xksCalls: notes.xksCalls }),
  });
  const keyArns = [...new Set(notes.keyArns)];
  const time = account.clock.now();
  const eventId = account.ids.uuid('event');
  if (!error && isTracked(operation)) {
    const { lastUses } = account.region(scope.region);
    for (const keyArn of keyArns) {
      lastUses.record(keyIdIn(keyArn), { operation, at: time, eventId, requestId });
    }
  }
  audit(
    auditEvent({ requestId, eventId, operation, scope, time, identity, members, keyArns, error, ...origin }),
  );
}

function keyIdIn(keyArn: string): string {
  return keyArn.slice(keyArn.indexOf('/') + 1);
}

function faultOf({ code, cause }: KmsException): { readonly fault?: string } {
  if (code !== 'KMSInternalException' || !(cause instanceof Error)) return {};
  // The message of an unforeseen error may quote a secret; its name, its code and its place in the program cannot.
  const parts = [
    cause.name,
    'code' in cause && typeof cause.code === 'string' ? cause.code : undefined,
    cause.stack?.match(/^ +at .*$/m)?.[0].trim(),
  ];
  return { fault: parts.filter((part) => part !== undefined).join(' ') };
}
