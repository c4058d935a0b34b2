import { parse } from 'yaml';
import { z } from 'zod';
import { identityPolicy } from '../policy/document.ts';
import { namedValues } from '../protocol/named-values.ts';

/** The content of a principals file: accounts by their 12 digits. */
export interface Principals {
  readonly accounts: Readonly<Record<string, AccountPrincipals>>;
}

/** The principals of an account, by their names. */
export interface AccountPrincipals {
  readonly root?: { readonly accessKeys?: readonly AccessKey[] };
  readonly users?: Readonly<Record<string, Principal>>;
  readonly roles?: Readonly<Record<string, Principal>>;
}

/** A user, or a role. */
export interface Principal {
  /** Begins and ends with a slash. Default `/`. */
  readonly path?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Policy documents by name. */
  readonly policies?: Readonly<Record<string, unknown>>;
  readonly accessKeys?: readonly AccessKey[];
}

/** What a client signs with. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The token of temporary credentials. */
  readonly sessionToken?: string;
  /** The name of the session that the credentials of a role belong to. Default `session`. */
  readonly sessionName?: string;
}

/** Principals that were checked. */
export type ParsedPrincipals = z.output<typeof principalsSchema>;
/** An access key that was checked. */
export type ParsedAccessKey = z.output<typeof accessKey>;

/** Reads a principals file, in YAML or JSON. Throws RangeError for text that is neither, and as `parsePrincipals` does. */
export function readPrincipals(text: string): Principals {
  const principals = parsedText(text);
  assertPrincipals(principals);
  return principals;
}

/** Checks principals. Throws RangeError that names the member in question, never its value. */
export function parsePrincipals(principals: unknown): ParsedPrincipals {
  const parsed = principalsSchema.safeParse(principals);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RangeError(`${['principals', ...(issue?.path ?? [])].map(String).join('.')}: ${issue?.message}`);
}

function assertPrincipals(principals: unknown): asserts principals is Principals {
  parsePrincipals(principals);
}

function parsedText(text: string): unknown {
  try {
    // JSON is YAML.
    return parse(text);
  } catch {
    // Without the cause, whose message quotes the text.
    throw new RangeError('principals: expected YAML or JSON');
  }
}

const accessKey = z.strictObject({
  accessKeyId: z.string().regex(/^\w{1,128}$/),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().min(1).optional(),
  sessionName: z
    .string()
    .regex(/^[\w+=,.@-]{2,64}$/)
    .default('session'),
});
const accessKeys = z.array(accessKey).default([]);
const policies = namedValues(z.string(), z.unknown()).transform((documents, context) =>
  Object.entries(documents).flatMap(([name, document]) => {
    const policy = identityPolicy(`the identity policy ${JSON.stringify(name)}`, document);
    if (policy) return [policy];
    context.addIssue({ code: 'custom', path: [name], message: 'must be an identity policy' });
    return [];
  }),
);
const principal = z.strictObject({
  path: z
    .string()
    .regex(/^\/([\w+=,.@/-]*\/)?$/)
    .default('/'),
  tags: namedValues(z.string(), z.string())
    .default({})
    .transform((tags) => new Map(Object.entries(tags))),
  policies: policies.default([]),
  accessKeys,
});
const principals = namedValues(z.string().regex(/^[\w+=,.@-]{1,64}$/), principal).default({});
const principalsSchema = z.strictObject({
  accounts: namedValues(
    z.string().regex(/^\d{12}$/),
    z.strictObject({
      root: z.strictObject({ accessKeys }).default({ accessKeys: [] }),
      users: principals,
      roles: principals,
    }),
  ),
});
