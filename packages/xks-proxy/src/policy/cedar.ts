import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';
import { errorCode } from '../error-code.ts';
import { undefinedIfThrows } from '../undefined-if-throws.ts';
import { flattened, tooDeepToRead } from './cedar-nesting.ts';
import { type OptionalMember, problemsIn } from './cedar-validation.ts';
import type { Policy, PolicyRequest } from './policy.ts';
import { accountOf } from './principal.ts';

/**
 * Policies in the language of Cedar, parsed once. The principal is `Principal::"<awsPrincipalArn>"`, the action
 * `Action::"<kmsOperation>"`, the resource `Key::"<external key id>"`; `context` has `now` (a datetime) and, if they
 * are known, `account`, `kmsKeyArn`, `viaService`, `sourceVpc` and `sourceVpce`. A request that no policy permits is denied.
 * The deciding policy is named by its annotation `@id("…")`, or by its place: `policy0`, `policy1` and so on.
 *
 * @returns the policy, or the problems of the text; they quote nothing of a text that is not Cedar, which may be a secret
 */
export function cedarPolicy(
  text: string,
): { readonly policy: Policy } | { readonly problems: readonly string[] } {
  const cedar = loadCedar();
  if (cedar === undefined) return { problems: ['the package @cedar-policy/cedar-wasm is not installed'] };
  // Cedar keeps parsed policies by name as long as the process lives: the same text is parsed once.
  const preparsedPolicySetId = createHash('sha256').update(text).digest('hex');
  const known = KNOWN.get(preparsedPolicySetId);
  if (known !== undefined) return { policy: known };
  const deep = tooDeepToRead(text);
  if (deep !== undefined) return { problems: [`policy${deep}: it is nested too deeply`] };
  const parts = undefinedIfThrows(() => cedar.policySetTextToParts(text));
  if (parts === undefined) return { problems: ['a policy is nested too deeply'] };
  if (parts.type === 'failure') return { problems: parts.errors.map((error) => unreadable(error, text)) };
  if (parts.policy_templates.length > 0) return { problems: ['templates are not supported'] };
  // Cedar names policies by their places, and returns them in the alphabetical order of the names: policy10 before policy2.
  const places = parts.policies.map((_, index) => `policy${index}`).toSorted();
  const staticPolicies = new Map<string, Cedar.PolicyJson>();
  const named = new Map<string, Cedar.PolicyJson>();
  for (const [index, source] of parts.policies.entries()) {
    const place = places[index] ?? '';
    const json = undefinedIfThrows(() => cedar.policyToJson(source));
    if (json?.type === 'failure') return { problems: json.errors.map(({ message }) => message) };
    const policy = json === undefined ? undefined : flattened(json.json);
    const id = json?.json.annotations?.['id'] ?? place;
    if (!POLICY_NAME.test(id) || staticPolicies.has(id) || RESERVED_NAMES.includes(id)) {
      return { problems: [`@id of ${place}: expected a name of its own, of A-Z, a-z, 0-9, ., _ and -`] };
    }
    const name = id === place ? place : `${id} (${place})`;
    if (policy === undefined) return { problems: [`${name}: it is nested too deeply`] };
    staticPolicies.set(id, policy);
    named.set(name, policy);
  }
  const problems = problemsIn(cedar, named);
  if (problems.length > 0) return { problems };
  const parsed = cedar.preparsePolicySet(preparsedPolicySetId, {
    staticPolicies: Object.fromEntries(staticPolicies),
  });
  if (parsed.type === 'failure') return { problems: parsed.errors.map(({ message }) => message) };
  const policy: Policy = {
    decide(request) {
      // Cedar throws for a text that is not valid Unicode, such as half a surrogate pair.
      const answer = undefinedIfThrows(() =>
        cedar.statefulIsAuthorized({ ...call(request), preparsedPolicySetId }),
      );
      // Cedar skips a policy that it cannot evaluate, even one that forbids: then nothing is allowed.
      if (answer === undefined || answer.type === 'failure') return UNDECIDED;
      const { decision, diagnostics } = answer.response;
      if (diagnostics.errors.length > 0) return UNDECIDED;
      return { isAllowed: decision === 'allow', rule: diagnostics.reason.toSorted()[0] ?? 'default' };
    },
  };
  KNOWN.set(preparsedPolicySetId, policy);
  return { policy };
}

/** The problem of a text that is not Cedar, with its place alone: Cedar's message quotes the word there. */
function unreadable({ sourceLocations = [] }: Cedar.DetailedError, text: string): string {
  const before = Buffer.from(text).subarray(0, sourceLocations[0]?.start).toString().split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}: it is not Cedar`;
}

function call({ metadata, externalKeyId, now }: PolicyRequest) {
  const facts: Record<OptionalMember, string | undefined> = {
    account: accountOf(metadata),
    kmsKeyArn: metadata.kmsKeyArn,
    viaService: metadata.kmsViaService,
    sourceVpc: metadata.awsSourceVpc,
    sourceVpce: metadata.awsSourceVpce,
  };
  const context: Cedar.Context = { now: { __extn: { fn: 'datetime', arg: now.toISOString() } } };
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) context[name] = value;
  return {
    principal: { type: 'Principal', id: metadata.awsPrincipalArn ?? '' },
    action: { type: 'Action', id: metadata.kmsOperation ?? '' },
    resource: { type: 'Key', id: externalKeyId },
    context,
    entities: [],
  };
}

/** Cedar, loaded when the first policy needs it: it is 12 MB of WebAssembly, and few configurations use it. */
function loadCedar(): typeof Cedar | undefined {
  try {
    const loaded: unknown = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs');
    return isCedar(loaded) ? loaded : undefined;
  } catch (error) {
    if (errorCode(error) === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function isCedar(loaded: unknown): loaded is typeof Cedar {
  return typeof loaded === 'object' && loaded !== null && 'statefulIsAuthorized' in loaded;
}

const KNOWN = new Map<string, Policy>();
const UNDECIDED = { isAllowed: false, rule: 'undecided' } as const;
const RESERVED_NAMES: readonly string[] = ['default', UNDECIDED.rule];
const POLICY_NAME = /^[A-Za-z0-9._-]{1,64}$/;
