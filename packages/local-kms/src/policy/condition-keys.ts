import { wholeDaysBetween } from '../clock.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { Caller } from './caller.ts';
import type { ConditionKeys } from './pattern.ts';
import { contextOf, type RequestMembers, textsOf } from './request-members.ts';

/** The facts that condition keys take their values from. */
export interface RequestFacts {
  readonly caller: Caller;
  /** With its prefix `kms:`. */
  readonly action: string;
  /** The key of the request; undefined where the request is on no key. */
  readonly key: KmsKey | undefined;
  /** The names of the aliases of the key. */
  readonly aliases: () => readonly string[];
  /** Since when the key is unused, as far as that is known; undefined where the request is on no key. */
  readonly unusedSince: (() => Date) | undefined;
  /** The account that owns the key, and the Region of the request. */
  readonly accountId: string;
  readonly region: string;
  readonly members: RequestMembers;
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
  readonly now: Date;
}

/** The condition keys of a request. Each is worked out when a policy asks for it. */
export function conditionKeys(facts: RequestFacts): ConditionKeys {
  return (key) => {
    const plain = KEYS.get(key);
    if (plain) return plain(facts);
    for (const [prefix, valuesOf] of PREFIXES) {
      if (key.startsWith(prefix)) return valuesWithName(valuesOf(facts), key.slice(prefix.length));
    }
    return undefined;
  };
}

/** Names are compared without regard to case; a request may have two that differ in nothing else. */
function valuesWithName(
  pairs: Iterable<readonly [string, string]>,
  lowerCaseName: string,
): readonly string[] | undefined {
  const values = [...pairs]
    .filter(([name]) => name.toLowerCase() === lowerCaseName)
    .map(([, value]) => value);
  return values.length === 0 ? undefined : values;
}

type Values = (facts: RequestFacts) => readonly string[] | undefined;

/** The value of one of these members of the request, if the action is one that has the key. */
function member(...names: readonly string[]): Values {
  return ({ members }) => names.map((name) => textsOf(members[name])).find((values) => values !== undefined);
}

/** The same, with a default for a request of one of these actions that leaves the member out. */
function memberOr(value: string, name: string, ...actions: readonly string[]): Values {
  const given = member(name);
  return (facts) => given(facts) ?? (actions.includes(facts.action) ? [value] : undefined);
}

/** A property of the key, or else what CreateKey asks for. */
function ofKey(property: (key: KmsKey) => string, atCreation: Values): Values {
  return (facts) => {
    if (facts.key) return [property(facts.key)];
    return facts.action === 'kms:CreateKey' ? atCreation(facts) : undefined;
  };
}

/** Also for a key that is to be made: a replica if the request is ReplicateKey. */
function multiRegionKeyType({ action, key, members }: RequestFacts): readonly string[] | undefined {
  if (!key && (action !== 'kms:CreateKey' || members['MultiRegion'] !== true)) return undefined;
  if (key && key.primaryRegion === undefined) return undefined;
  const isPrimary = key ? key.primaryRegion === key.region : members['ReplicaRegion'] === undefined;
  return [isPrimary ? 'PRIMARY' : 'REPLICA'];
}

function requestAlias({ action, members }: RequestFacts): readonly string[] | undefined {
  const names = textsOf(members[KEY_ID_MEMBERS.get(action) ?? 'KeyId']);
  const alias = names?.[0]?.match(/(?:^|:)(alias\/.+)$/)?.[1];
  return alias === undefined ? undefined : [alias];
}

function grantConstraintTypes({ members: { Constraints } }: RequestFacts): readonly string[] | undefined {
  const names = typeof Constraints === 'object' && Constraints !== null ? Object.keys(Constraints) : [];
  const types = names.filter((name) => name.startsWith('EncryptionContext'));
  return types.length === 0 ? undefined : types;
}

function grantSourceArn({ action, members: { Constraints } }: RequestFacts): readonly string[] | undefined {
  const isObject = typeof Constraints === 'object' && Constraints !== null;
  return isObject && action === 'kms:CreateGrant'
    ? textsOf(Reflect.get(Constraints, 'SourceArn'))
    : undefined;
}

function daysUnused({ action, unusedSince, now }: RequestFacts): readonly string[] | undefined {
  if (!unusedSince || !TAKING_OUT_OF_USE.has(action)) return undefined;
  return [String(wholeDaysBetween(unusedSince(), now))];
}

function contextKeys(facts: RequestFacts): readonly string[] | undefined {
  const names = contextOf(facts.action, facts.members).map(([name]) => name);
  return names.length === 0 ? undefined : names;
}

function requestTags({ members: { Tags } }: RequestFacts): readonly (readonly [string, string])[] {
  const list: readonly unknown[] = Array.isArray(Tags) ? Tags : [];
  return list.flatMap((tag) => {
    const isPair = typeof tag === 'object' && tag !== null && 'TagKey' in tag && 'TagValue' in tag;
    return isPair ? [[String(tag.TagKey), String(tag.TagValue)] as const] : [];
  });
}

function tagKeys(facts: RequestFacts): readonly string[] | undefined {
  const names = [...requestTags(facts).map(([name]) => name), ...(textsOf(facts.members['TagKeys']) ?? [])];
  return names.length === 0 ? undefined : names;
}

const keySpec = ofKey(
  ({ spec }) => spec,
  (facts) => member('KeySpec', 'CustomerMasterKeySpec')(facts) ?? ['SYMMETRIC_DEFAULT'],
);
const keyUsage = ofKey(
  ({ usage }) => usage,
  (facts) => member('KeyUsage')(facts) ?? ['ENCRYPT_DECRYPT'],
);

/** AWS KMS Developer Guide, "Condition keys", and IAM User Guide, "Global condition context keys". */
const KEYS: ReadonlyMap<string, Values> = new Map<string, Values>(
  Object.entries({
    'aws:currenttime': ({ now }) => [now.toISOString()],
    'aws:epochtime': ({ now }) => [String(Math.floor(now.getTime() / 1000))],
    // Only temporary credentials have the key, and in this KMS they never prove a second factor.
    'aws:multifactorauthpresent': ({ caller }) => (caller.kind === 'session' ? ['false'] : undefined),
    'aws:principalaccount': ({ caller }) => [caller.accountId],
    'aws:principalarn': ({ caller }) => [caller.principalArn],
    'aws:principalisawsservice': () => ['false'],
    'aws:principaltype': ({ caller }) => [PRINCIPAL_TYPES[caller.kind]],
    'aws:requestedregion': ({ region }) => [region],
    'aws:resourceaccount': ({ accountId }) => [accountId],
    'aws:securetransport': () => ['false'],
    'aws:sourceip': ({ sourceIp }) => (sourceIp === undefined ? undefined : [sourceIp]),
    'aws:tagkeys': tagKeys,
    'aws:useragent': ({ userAgent }) => (userAgent === undefined ? undefined : [userAgent]),
    'aws:username': ({ caller }) => (caller.userName === undefined ? undefined : [caller.userName]),
    'aws:viaawsservice': () => ['false'],
    'kms:bypasspolicylockoutsafetycheck': member('BypassPolicyLockoutSafetyCheck'),
    'kms:calleraccount': ({ caller }) => [caller.accountId],
    'kms:customermasterkeyspec': keySpec,
    'kms:customermasterkeyusage': keyUsage,
    'kms:datakeypairspec': member('KeyPairSpec'),
    'kms:encapsulationalgorithm': member('EncapsulationAlgorithm'),
    'kms:encryptionalgorithm': (facts) =>
      member(ALGORITHM_MEMBERS.get(facts.action) ?? 'EncryptionAlgorithm')(facts) ??
      (ENCRYPTING.has(facts.action) ? ['SYMMETRIC_DEFAULT'] : undefined),
    'kms:encryptioncontextkeys': contextKeys,
    'kms:expirationmodel': member('ExpirationModel'),
    'kms:grantconstraintsourcearn': grantSourceArn,
    'kms:grantconstrainttype': grantConstraintTypes,
    'kms:grantisforawsresource': ({ action }) => (GRANT_ACTIONS.has(action) ? ['false'] : undefined),
    'kms:grantoperations': member('Operations'),
    'kms:granteeprincipal': member('GranteePrincipal'),
    'kms:keyagreementalgorithm': member('KeyAgreementAlgorithm'),
    'kms:keyorigin': ofKey(
      ({ origin }) => origin,
      (facts) => member('Origin')(facts) ?? ['AWS_KMS'],
    ),
    'kms:keyspec': keySpec,
    'kms:keyusage': keyUsage,
    'kms:macalgorithm': member('MacAlgorithm'),
    'kms:messagetype': memberOr('RAW', 'MessageType', 'kms:Sign', 'kms:Verify'),
    'kms:multiregion': ofKey(
      ({ primaryRegion }) => String(primaryRegion !== undefined),
      (facts) => member('MultiRegion')(facts) ?? ['false'],
    ),
    'kms:multiregionkeytype': multiRegionKeyType,
    'kms:primaryregion': member('PrimaryRegion'),
    'kms:replicaregion': member('ReplicaRegion'),
    'kms:requestalias': requestAlias,
    'kms:resourcealiases': ({ key, aliases }) => (key ? aliases() : undefined),
    'kms:retiringprincipal': member('RetiringPrincipal'),
    'kms:rotationperiodindays': memberOr('365', 'RotationPeriodInDays', 'kms:EnableKeyRotation'),
    'kms:schedulekeydeletionpendingwindowindays': memberOr(
      '30',
      'PendingWindowInDays',
      'kms:ScheduleKeyDeletion',
    ),
    'kms:signingalgorithm': member('SigningAlgorithm'),
    'kms:trailingdayswithoutkeyusage': daysUnused,
    'kms:validto': member('ValidTo'),
    'kms:wrappingalgorithm': member('WrappingAlgorithm'),
    'kms:wrappingkeyspec': member('WrappingKeySpec'),
  } satisfies Record<string, Values>),
);

const PREFIXES: readonly (readonly [string, (facts: RequestFacts) => Iterable<readonly [string, string]>])[] =
  [
    ['kms:encryptioncontext:', ({ action, members }) => contextOf(action, members)],
    ['aws:principaltag/', ({ caller }) => caller.tags],
    ['aws:resourcetag/', ({ key }) => key?.tags ?? []],
    ['aws:requesttag/', requestTags],
  ];

const PRINCIPAL_TYPES = { root: 'Account', user: 'User', session: 'AssumedRole' } as const satisfies Record<
  Caller['kind'],
  string
>;
const KEY_ID_MEMBERS: ReadonlyMap<string, string> = new Map([
  ['kms:ReEncryptFrom', 'SourceKeyId'],
  ['kms:ReEncryptTo', 'DestinationKeyId'],
]);
const ALGORITHM_MEMBERS: ReadonlyMap<string, string> = new Map([
  ['kms:ReEncryptFrom', 'SourceEncryptionAlgorithm'],
  ['kms:ReEncryptTo', 'DestinationEncryptionAlgorithm'],
]);
const ENCRYPTING: ReadonlySet<string> = new Set([
  'kms:Decrypt',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyPair',
  'kms:GenerateDataKeyPairWithoutPlaintext',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
]);
const GRANT_ACTIONS: ReadonlySet<string> = new Set(['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant']);
const TAKING_OUT_OF_USE: ReadonlySet<string> = new Set(['kms:DisableKey', 'kms:ScheduleKeyDeletion']);
