import { kmsArn, parseKmsArn } from '../arn.ts';
import type { PrincipalDirectory } from '../identity/principal-directory.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { Account, Kms } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { OPERATIONS } from '../operations/index.ts';
import type { Operation } from '../protocol/operation.ts';
import { authorize } from './authorization.ts';
import type { Caller } from './caller.ts';
import type { Decision } from './decision.ts';
import type { RequestMembers } from './request-members.ts';
import { inWords } from './words.ts';

/** A question: may this principal do this on this key? */
export interface AccessQuestion {
  /** The ARN of a user, role, session or account, or a user or role as `NAME`, `user/NAME` or `role/NAME`. */
  readonly principal: string;
  /** A permission, such as `Encrypt` or `ReEncryptFrom`. */
  readonly operation: string;
  /**
   * A key by its id, ARN, alias name or alias ARN, by which the request names it, too. An operation on no key, such as
   * CreateKey, is asked for without one, in the default Region.
   */
  readonly key?: string;
  /** Members of the request, such as `EncryptionContext` or `GrantTokens`; those that the operation lacks are left out. */
  readonly request?: RequestMembers;
  /** Values of condition keys that a request cannot bring, such as `kms:ViaService`. */
  readonly conditionKeys?: Readonly<Record<string, string | readonly string[]>>;
}

/** Many questions: one for each principal, key and operation; for an operation on no key, one for each principal. */
export interface AccessQuestions extends Pick<AccessQuestion, 'request' | 'conditionKeys'> {
  readonly operations: readonly string[];
  /** One principal; all of the file without it. */
  readonly principal?: string | undefined;
  /** One key; all without it. */
  readonly key?: string | undefined;
}

/** The answer to a question. */
export interface AccessExplanation extends Decision {
  /** The ARN of the principal. */
  readonly principal: string;
  readonly operation: string;
  /** The ARN of the key, or `*`. */
  readonly resource: string;
  /** A permission on another resource that the operation also takes; the answer is not about that. */
  readonly alsoTakes?: string;
  /** The answer and what decides it, as a sentence; where it is allowed, and the operation takes more, as two. */
  readonly text: string;
}

/** What explanations are made from. */
export interface ExplanationSources {
  readonly account: Account;
  readonly defaultRegion: string;
  readonly directory: PrincipalDirectory;
  readonly grantDelayMs: number;
}

/**
 * Answers one question. Throws RangeError for an unknown principal or permission, and where a key is missing, and
 * NotFoundException for a key that does not exist.
 */
export function explain(sources: ExplanationSources, question: AccessQuestion): AccessExplanation {
  const { principal, operation, key } = question;
  const caller = callerNamed(sources, principal);
  if (isOnAccount(operation)) return explanation(sources, caller, accountOf(sources), question);
  if (key === undefined) throw new RangeError(`key: expected one for ${operation}`);
  return explanation(sources, caller, placeOf(sources, key), question);
}

/**
 * Answers for all principals of the file, keys and operations, or those that are named. Throws as `explain` does; a key
 * that is left out means all of them.
 */
export function explainAll(
  sources: ExplanationSources,
  { principal, key, operations, ...given }: AccessQuestions,
): readonly AccessExplanation[] {
  const { account, directory } = sources;
  const callers = principal === undefined ? directory.list() : [callerNamed(sources, principal)];
  const keys =
    key === undefined
      ? account.regions().flatMap((kms) => kms.keys.list().map(({ arn }) => ({ kms, arn, name: arn })))
      : [placeOf(sources, key)];
  const onAccount = operations.filter(isOnAccount);
  const onKeys = operations.filter((operation) => !onAccount.includes(operation));
  const asked = [
    ...keys.map((place) => ({ place, operations: onKeys })),
    { place: accountOf(sources), operations: onAccount },
  ];
  return callers.flatMap((caller) =>
    asked.flatMap(({ place, operations: ofPlace }) =>
      ofPlace.map((operation) => explanation(sources, caller, place, { ...given, operation })),
    ),
  );
}

/** What is asked about, and where that is. */
interface Place {
  readonly kms: Kms;
  /** The ARN of a key, or `*`. */
  readonly arn: string;
  /** What the request names the key by. */
  readonly name?: string;
}

/** Throws RangeError for an unknown permission. */
function isOnAccount(permission: string): boolean {
  return operationOf(permission).onAccount;
}

function operationOf(permission: string): Operation {
  const operation = PERMISSIONS.get(permission);
  if (operation) return operation;
  throw new RangeError(
    `operation: expected a permission, such as Encrypt or ReEncryptFrom, not ${permission}`,
  );
}

function callerNamed({ directory }: ExplanationSources, name: string): Caller {
  const caller = directory.find(name);
  if (caller) return caller;
  const names = directory.names();
  const listed = names.slice(0, MAX_LISTED).join(', ');
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  const known = names.length === 0 ? 'of a root user' : `or a name that one alone has: ${listed}${more}`;
  throw new RangeError(`principal: expected an ARN that there is, ${known}`);
}

function accountOf({ account, defaultRegion }: ExplanationSources): Place {
  return { kms: account.region(defaultRegion), arn: '*' };
}

function placeOf({ account, defaultRegion }: ExplanationSources, name: string): Place {
  const kms = account.region(parseKmsArn(name)?.region ?? defaultRegion);
  return { kms, arn: keyNamed(kms, name).arn, name };
}

function explanation(
  { grantDelayMs }: ExplanationSources,
  caller: Caller,
  { kms, arn: resource, name }: Place,
  { operation, request, conditionKeys = {} }: Omit<AccessQuestion, 'principal' | 'key'>,
): AccessExplanation {
  const given = new Map(
    Object.entries(conditionKeys).map(([key, value]) => [key.toLowerCase(), [value].flat()]),
  );
  const named = { KeyId: name, SourceKeyId: name, DestinationKeyId: name };
  const members = operationOf(operation).members({ ...named, ...request });
  const access = { caller, action: `kms:${operation}`, resource, kms, members };
  const decision = authorize(access, { grantDelayMs, conditionKeys: given });
  const alsoTakes = ALSO_TAKEN.get(operation);
  const more = decision.allowed && alsoTakes !== undefined ? ` The operation also takes ${alsoTakes}.` : '';
  return {
    principal: caller.arn,
    operation,
    resource,
    ...decision,
    ...(alsoTakes !== undefined && { alsoTakes }),
    text: `${inWords(decision)}${more}`,
  };
}

function keyNamed({ keys, aliases, scope }: Kms, name: string): KmsKey {
  const resource = parseKmsArn(name)?.resource ?? name;
  const id = aliases.find(resource)?.targetKeyId ?? resource.replace(/^key\//, '');
  const key = keys.find(id);
  if (key) return key;
  throw new KmsException('NotFoundException', `There is no key ${kmsArn(scope, `key/${id}`)}.`);
}

/** The operation that takes a permission. It has the same name, except ReEncrypt, which takes one for each of its keys. */
const PERMISSIONS: ReadonlyMap<string, Operation> = new Map(
  [...OPERATIONS].flatMap(([name, operation]) =>
    (name === 'ReEncrypt' ? ['ReEncryptFrom', 'ReEncryptTo'] : [name]).map((permission) => [
      permission,
      operation,
    ]),
  ),
);

/** By permission on one key, for operations on more resources. Each permission of ReEncrypt is asked for separately. */
const ALSO_TAKEN: ReadonlyMap<string, string> = new Map([
  ['CreateAlias', 'kms:CreateAlias on the alias'],
  ['DeleteAlias', 'kms:DeleteAlias on the alias'],
  ['UpdateAlias', 'kms:UpdateAlias on the alias and on the other key'],
  ['ReplicateKey', 'kms:CreateKey in the other Region, and for tags kms:TagResource'],
  ['UpdatePrimaryRegion', 'kms:UpdatePrimaryRegion on the key in the other Region'],
]);
const MAX_LISTED = 10;
