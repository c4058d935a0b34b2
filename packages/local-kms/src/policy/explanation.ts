import { kmsArn, parseKmsArn } from '../arn.ts';
import { KmsError } from '../errors.ts';
import type { Directory } from '../identity/directory.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { Account, Kms } from '../kms.ts';
import { OPERATIONS } from '../operations/index.ts';
import { authorize } from './authorization.ts';
import type { Caller } from './caller.ts';
import type { Decision } from './decision.ts';
import type { RequestMembers } from './request-members.ts';
import { inWords } from './words.ts';

/** A question: may this principal do this on this key? */
export interface AccessQuestion {
  /** The ARN of a user, role, session or account, or the name of a user or role. */
  readonly principal: string;
  /** A permission, such as `Encrypt` or `ReEncryptFrom`. */
  readonly operation: string;
  /** A key by its id, ARN, alias name or alias ARN. Left out for what is on no key, such as CreateKey. */
  readonly key?: string;
  /** Members of the request, such as `EncryptionContext` or `GrantTokens`; those that the operation lacks are left out. */
  readonly request?: RequestMembers;
  /** Values of condition keys that a request cannot bring, such as `kms:ViaService`. */
  readonly conditionKeys?: Readonly<Record<string, string | readonly string[]>>;
}

/** Many questions: for each principal, key and operation. */
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
  /** The answer and what decides it, as a sentence. */
  readonly text: string;
}

/** Where explanations get what they know. */
export interface ExplanationSources {
  readonly account: Account;
  readonly defaultRegion: string;
  readonly directory: Directory;
  readonly grantDelayMs: number;
}

/** Answers one question. Throws RangeError for a principal that there is not, and NotFoundException for a key. */
export function explain(sources: ExplanationSources, question: AccessQuestion): AccessExplanation {
  const { account, defaultRegion } = sources;
  const caller = callerNamed(sources, question.principal);
  const { kms, arn } =
    question.key === undefined
      ? { kms: account.region(defaultRegion), arn: '*' }
      : placeOf(sources, question.key);
  return explanation(sources, kms, caller, arn, question);
}

/**
 * Answers for all principals of the file, keys and operations, or those that are named. Throws RangeError for a
 * principal that there is not, and NotFoundException for a key.
 */
export function explainAll(
  sources: ExplanationSources,
  { principal, key, operations, ...given }: AccessQuestions,
): readonly AccessExplanation[] {
  const { account, directory } = sources;
  const callers = principal === undefined ? directory.list() : [callerNamed(sources, principal)];
  const places =
    key === undefined
      ? account.regions().flatMap((kms) => kms.keys.list().map(({ arn }) => ({ kms, arn })))
      : [placeOf(sources, key)];
  return callers.flatMap((caller) =>
    places.flatMap(({ kms, arn }) =>
      operations.map((operation) => explanation(sources, kms, caller, arn, { ...given, operation })),
    ),
  );
}

function callerNamed({ directory }: ExplanationSources, name: string): Caller {
  const caller = directory.find(name);
  if (caller) return caller;
  throw new RangeError('principal: expected the ARN or the name of a principal that there is');
}

function placeOf({ account, defaultRegion }: ExplanationSources, key: string) {
  const kms = account.region(parseKmsArn(key)?.region ?? defaultRegion);
  return { kms, arn: keyNamed(kms, key).arn };
}

function explanation(
  { grantDelayMs }: ExplanationSources,
  kms: Kms,
  caller: Caller,
  resource: string,
  { operation, request = {}, conditionKeys = {} }: Omit<AccessQuestion, 'principal'>,
): AccessExplanation {
  const given = new Map(
    Object.entries(conditionKeys).map(([name, value]) => [name.toLowerCase(), [value].flat()]),
  );
  const members = OPERATIONS.get(operation.replace(/^ReEncrypt.*/, 'ReEncrypt'))?.members(request) ?? request;
  const access = { caller, action: `kms:${operation}`, resource, kms, members };
  const decision = authorize(access, { grantDelayMs, conditionKeys: given });
  return { principal: caller.arn, operation, resource, ...decision, text: inWords(decision) };
}

function keyNamed({ keys, aliases, scope }: Kms, name: string): KmsKey {
  const resource = parseKmsArn(name)?.resource ?? name;
  const id = aliases.find(resource)?.targetKeyId ?? resource.replace(/^key\//, '');
  const key = keys.find(id);
  if (key) return key;
  throw new KmsError('NotFoundException', `There is no key ${kmsArn(scope, `key/${id}`)}.`);
}
