import type { z } from 'zod';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { RequestMembers } from '../policy/request-members.ts';
import { NOT_BASE64 } from './base64.ts';
import { knownMembers } from './known-members.ts';

/** A value that JSON has; members that are undefined are left out. */
type Json = string | number | boolean | readonly Json[] | { readonly [member: string]: Json | undefined };

/** The body of an answer. */
export type Output = { readonly [member: string]: Json | undefined };

/** One operation of the API. */
export interface Operation {
  /** Whether it is on no key or alias: it passes the gate with `*`. */
  readonly onAccount: boolean;
  /**
   * Returns the members of the parsed JSON of a request that the operation has, at any depth; those that are null count as
   * absent. Throws SerializationException for JSON that is no object.
   */
  readonly members: (body: unknown) => RequestMembers;
  /**
   * A request whose members are within their constraints. Throws ValidationException for a value out of bounds,
   * SerializationException for one of the wrong type, UnsupportedOperationException for a member that is not
   * implemented.
   */
  readonly request: (body: unknown) => OperationRequest;
}

/** A request that was read, and waits to be run. */
interface OperationRequest {
  /** As they were sent: what the gate decides by is what the operation runs with. */
  readonly members: RequestMembers;
  readonly run: (call: Call) => Promise<Output>;
}

/** What makes an operation: its constraints as a schema, and what it does with an input that meets them. */
export interface OperationDefinition<Input extends z.ZodType> {
  readonly input: Input;
  /** Any other than one on the account passes the gate with what it is on. Default false. */
  readonly onAccount?: boolean;
  /** Members of the API that this KMS knows but does not implement; a request that has one is refused. */
  readonly unsupported?: readonly string[];
  readonly run: (input: z.output<Input>, call: Call) => Output | Promise<Output>;
}

/** Turns a definition into an operation that refuses, before it runs, an input that breaks the constraints. */
export function operation<Input extends z.ZodType>({
  input: schema,
  onAccount = false,
  unsupported = [],
  run,
}: OperationDefinition<Input>): Operation {
  const known = knownMembers(schema);
  return {
    onAccount,
    members: (body) => known(objectIn(body)),
    request(body) {
      const sent = objectIn(body);
      const refused = Object.entries(sent).find(
        ([member, value]) => value !== null && unsupported.includes(member),
      );
      if (refused) {
        const message = `The parameter ${refused[0]} is not supported.`;
        throw new KmsException('UnsupportedOperationException', message);
      }
      const members = known(sent);
      const parsed = schema.safeParse(members);
      if (!parsed.success) throw constraintError(parsed.error.issues, members);
      return {
        members,
        async run(call) {
          if (onAccount) call.access('*');
          return run(parsed.data, call);
        },
      };
    },
  };
}

function objectIn(body: unknown): object {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  throw new KmsException('SerializationException', 'The body of a request is a JSON object.');
}

function constraintError(issues: readonly z.core.$ZodIssue[], members: object): KmsException {
  const [issue] = issues;
  if (!issue) throw new TypeError('a failed parse names at least one issue');
  // The message names the member and the rule, never the value: it may be a secret.
  const message = `${issue.path.map(String).join('.') || 'The request'}: ${issue.message}`;
  return new KmsException(
    isMistyped(issue, members) ? 'SerializationException' : 'ValidationException',
    message,
  );
}

function isMistyped(issue: z.core.$ZodIssue, members: object): boolean {
  if (issue.code === 'custom') return issue.params === NOT_BASE64;
  return issue.code === 'invalid_type' && valueAt(issue.path, members) !== undefined;
}

function valueAt(path: readonly PropertyKey[], members: object): unknown {
  return path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    members,
  );
}
