/** The members of a request body that its operation has, as they were sent. */
export type RequestMembers = Readonly<Record<string, unknown>>;

/** A member that is a value or a list of values; undefined for any other. */
export function textsOf(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.flatMap((item) =>
    typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean' ? [String(item)] : [],
  );
  return texts.length === 0 ? undefined : texts;
}

/**
 * The encryption context that a request is about with one of its permissions: of ReEncrypt that of the one key, of
 * CreateGrant and RetireGrant that of the constraints.
 */
export function contextOf(action: string, members: RequestMembers): readonly (readonly [string, string])[] {
  if (action !== 'kms:CreateGrant' && action !== 'kms:RetireGrant')
    return pairsOf(members[CONTEXT_MEMBERS.get(action) ?? 'EncryptionContext']);
  const { Constraints } = members;
  if (typeof Constraints !== 'object' || Constraints === null) return [];
  return ['EncryptionContextEquals', 'EncryptionContextSubset'].flatMap((name) =>
    pairsOf(Reflect.get(Constraints, name)),
  );
}

function pairsOf(value: unknown): readonly (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null) return [];
  const pairs: (readonly [string, string])[] = [];
  for (const [name, text] of Object.entries(value)) if (typeof text === 'string') pairs.push([name, text]);
  return pairs;
}

const CONTEXT_MEMBERS: ReadonlyMap<string, string> = new Map([
  ['kms:ReEncryptFrom', 'SourceEncryptionContext'],
  ['kms:ReEncryptTo', 'DestinationEncryptionContext'],
]);
