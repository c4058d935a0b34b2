import type { ArnScope } from '../arn.ts';
import type { Identity } from '../identity/authentication.ts';
import type { KmsException } from '../kms-exception.ts';
import type { Caller } from '../policy/caller.ts';
import type { RequestMembers } from '../policy/request-members.ts';

/**
 * One call of the API in the form of AWS CloudTrail. It has the encryption context, which is no secret in AWS KMS
 * either; plaintext, key material, ciphertext, grant tokens and credentials are never in it.
 */
export interface AuditEvent {
  readonly eventVersion: '1.11';
  readonly userIdentity: UserIdentity;
  /** ISO 8601, by the clock of the KMS. */
  readonly eventTime: string;
  readonly eventSource: 'kms.amazonaws.com';
  /** The operation. */
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent?: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  /** `{ omitted: true }` in the place of more than 100 KB. */
  readonly requestParameters: Readonly<Record<string, unknown>>;
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  /** The keys that the request is about. */
  readonly resources: readonly AuditedResource[];
  readonly eventType: 'AwsApiCall';
  readonly recipientAccountId: string;
}

/** Who made a call, as far as that is known. */
export interface UserIdentity {
  readonly type: 'Root' | 'IAMUser' | 'AssumedRole' | 'Unknown';
  readonly arn?: string;
  readonly accountId?: string;
  readonly accessKeyId?: string;
  readonly userName?: string;
}

/** A key in an event. */
export interface AuditedResource {
  readonly accountId: string;
  readonly type: 'AWS::KMS::Key';
  readonly ARN: string;
}

/** What a call left behind. */
export interface FinishedCall {
  readonly requestId: string;
  readonly eventId: string;
  readonly operation: string;
  readonly scope: ArnScope;
  readonly time: Date;
  /** undefined where the caller is unknown. */
  readonly identity: Identity | undefined;
  /** undefined where the request was refused before its members were read. */
  readonly members: RequestMembers | undefined;
  readonly keyArns: readonly string[];
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
  readonly error: KmsException | undefined;
}

/** The event of a call. */
export function auditEvent({ scope, error, operation, ...call }: FinishedCall): AuditEvent {
  return {
    eventVersion: '1.11',
    userIdentity: userIdentity(call.identity),
    eventTime: call.time.toISOString(),
    eventSource: 'kms.amazonaws.com',
    eventName: operation,
    awsRegion: scope.region,
    sourceIPAddress: call.sourceIp ?? 'unknown',
    ...(call.userAgent !== undefined && { userAgent: call.userAgent }),
    ...(error && { errorCode: error.code, errorMessage: error.message }),
    requestParameters: parametersOf(call.members ?? {}),
    requestID: call.requestId,
    eventID: call.eventId,
    readOnly: READ_ONLY.test(operation),
    resources: call.keyArns.map((ARN) => ({
      accountId: scope.accountId,
      type: 'AWS::KMS::Key',
      ARN,
    })),
    eventType: 'AwsApiCall',
    recipientAccountId: scope.accountId,
  };
}

function userIdentity(identity: Identity | undefined): UserIdentity {
  if (!identity) return { type: 'Unknown' };
  const { accessKeyId, caller } = identity;
  return {
    type: IDENTITY_TYPES[caller.kind],
    arn: caller.arn,
    accountId: caller.accountId,
    ...(accessKeyId !== undefined && { accessKeyId }),
    ...(caller.userName !== undefined && { userName: caller.userName }),
  };
}

/** Names begin with a small letter in events. */
function parametersOf(members: RequestMembers): Readonly<Record<string, unknown>> {
  const parameters = Object.fromEntries(
    PARAMETERS.flatMap((name) =>
      members[name] === undefined ? [] : [[`${name.charAt(0).toLowerCase()}${name.slice(1)}`, members[name]]],
    ),
  );
  return JSON.stringify(parameters).length > MAX_PARAMETERS_LENGTH ? { omitted: true } : parameters;
}

/** CloudTrail User Guide, "Record contents". */
const MAX_PARAMETERS_LENGTH = 100_000;
const IDENTITY_TYPES = {
  root: 'Root',
  user: 'IAMUser',
  session: 'AssumedRole',
} as const satisfies Record<Caller['kind'], UserIdentity['type']>;

// Operations that change no key, grant and so on; AWS counts cryptographic operations as read-only.
const READ_ONLY =
  /^(Decapsulate|Decrypt|DeriveSharedSecret|Describe.*|Encapsulate|Encrypt|Generate.*|Get.*|List.*|ReEncrypt|Sign|Verify.*)$/;

/** The members of requests that events show. A list of what is allowed, so that no new member is shown by mistake. */
const PARAMETERS = [
  'AliasName',
  'BypassPolicyLockoutSafetyCheck',
  'Constraints',
  'CustomKeyStoreId',
  'CustomKeyStoreName',
  'CustomerMasterKeySpec',
  'Description',
  'DestinationEncryptionAlgorithm',
  'DestinationEncryptionContext',
  'DestinationKeyId',
  'DryRun',
  'EncapsulationAlgorithm',
  'EncryptionAlgorithm',
  'EncryptionContext',
  'ExpirationModel',
  'GrantId',
  'GranteePrincipal',
  'KeyAgreementAlgorithm',
  'KeyId',
  'KeyPairSpec',
  'KeySpec',
  'KeyUsage',
  'Limit',
  'MacAlgorithm',
  'MessageType',
  'MultiRegion',
  'Name',
  'NumberOfBytes',
  'Operations',
  'Origin',
  'PendingWindowInDays',
  'Policy',
  'PolicyName',
  'PrimaryRegion',
  'ReplicaRegion',
  'RetiringPrincipal',
  'RotationPeriodInDays',
  'SigningAlgorithm',
  'SourceEncryptionAlgorithm',
  'SourceEncryptionContext',
  'SourceKeyId',
  'TagKeys',
  'Tags',
  'TargetKeyId',
  'ValidTo',
  'WrappingAlgorithm',
  'WrappingKeySpec',
  'XksKeyId',
] as const;
