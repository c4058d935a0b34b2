/**
 * What a Cedar policy asks of a request that none ever has: entities of other types, and members of `context` that are
 * never there. Cedar would take that for a condition that does not hold, also where it is to forbid.
 *
 * @param policy as Cedar has it in JSON
 */
export function strangeNames(policy: {
  readonly principal: unknown;
  readonly action: unknown;
  readonly resource: unknown;
  readonly conditions: unknown;
}): ReadonlySet<string> {
  return new Set([
    ...strangersIn(policy.principal, ['Principal']),
    ...strangersIn(policy.action, ['Action']),
    ...strangersIn(policy.resource, ['Key']),
    ...strangersIn(policy.conditions, ['Principal', 'Action', 'Key']),
  ]);
}

function strangersIn(node: unknown, types: readonly string[]): readonly string[] {
  if (Array.isArray(node)) return node.flatMap((item) => strangersIn(item, types));
  if (!isObject(node)) return [];
  const { type = node['entity_type'], Var: variable } = node;
  if (typeof type === 'string' && !types.includes(type)) return [`the type ${type}`];
  // As a whole it could be asked for anything.
  if (variable === 'context') return ['context without a name'];
  return Object.entries(node).flatMap(([operator, operands]) => {
    const path = operator === 'has' || operator === '.' ? pathIn(operands) : undefined;
    if (path === undefined) return strangersIn(operands, types);
    return CONTEXT_PATHS.has(path) ? [] : [path];
  });
}

/** The operands of an access to a member of a variable, such as `context.now`. */
function pathIn(operands: unknown): string | undefined {
  if (!isObject(operands) || !isObject(operands['left'])) return undefined;
  const { left, attr } = operands;
  const { Var: variable } = left;
  return typeof variable === 'string' ? [variable, attr].flat().join('.') : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

const CONTEXT_PATHS: ReadonlySet<string> = new Set([
  'context.now',
  'context.account',
  'context.kmsKeyArn',
  'context.viaService',
  'context.sourceVpc',
  'context.sourceVpce',
]);
