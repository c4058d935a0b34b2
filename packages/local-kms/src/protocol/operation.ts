import type { z } from 'zod';
import { KmsError } from '../errors.ts';
import type { Call } from '../kms.ts';
import { NOT_BASE64 } from './base64.ts';

/** A value that JSON has; members that are undefined are left out. */
type Json = string | number | boolean | readonly Json[] | { readonly [member: string]: Json | undefined };

/** The body of an answer. */
export type Output = { readonly [member: string]: Json | undefined };

/** One operation of the API: takes the parsed JSON of a request, gives that of the answer. */
export type Operation = (input: unknown, call: Call) => Promise<Output>;

/** What makes an operation: its constraints as a schema, and what it does with an input that meets them. */
export interface OperationDefinition<Input extends z.ZodType> {
  readonly input: Input;
  /** For an operation on no key or alias: it passes the gate with `*`. Any other passes with what it is on. */
  readonly onAccount?: boolean;
  /** Members of the API that this KMS knows but does not implement; a request that has one is refused. */
  readonly unsupported?: readonly string[];
  readonly run: (input: z.output<Input>, call: Call) => Output | Promise<Output>;
}

/**
 * Turns a definition into an operation that refuses, before it runs, an input that breaks the constraints:
 * ValidationException for a value out of bounds, SerializationException for one of the wrong type,
 * UnsupportedOperationException for a member that is not implemented.
 */
export function operation<Input extends z.ZodType>({
  input: schema,
  onAccount = false,
  unsupported = [],
  run,
}: OperationDefinition<Input>): Operation {
  return async (input, call) => {
    const members = withoutNulls(input);
    const refused = unsupported.find((member) => members[member] !== undefined);
    if (refused) {
      throw new KmsError('UnsupportedOperationException', `The parameter ${refused} is not supported.`);
    }
    const parsed = schema.safeParse(members);
    if (!parsed.success) throw constraintError(parsed.error.issues, members);
    if (onAccount) call.access('*');
    return run(parsed.data, call);
  };
}

// A member that is null counts as absent in the AWS JSON protocol.
function withoutNulls(input: unknown): Readonly<Record<string, unknown>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new KmsError('SerializationException', 'The body of a request is a JSON object.');
  }
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}

function constraintError(issues: readonly z.core.$ZodIssue[], members: object): KmsError {
  const [issue] = issues;
  if (!issue) throw new TypeError('a failed parse names at least one issue');
  // The message names the member and the rule, never the value: it may be a secret.
  const message = `${issue.path.map(String).join('.') || 'The request'}: ${issue.message}`;
  return new KmsError(isMistyped(issue, members) ? 'SerializationException' : 'ValidationException', message);
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
