import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/**
 * The same policy with each chain of `||` or `&&` as a balanced tree: Cedar nests a chain once for each operand, and
 * refuses the depth that a list of sixty principals has. The operands keep their order, and so does the evaluation.
 *
 * @returns `undefined` for a policy that is too deep for Cedar even so
 */
export function flattened(policy: Cedar.PolicyJson): Cedar.PolicyJson | undefined {
  const flat: unknown = { ...policy, conditions: balanced(policy.conditions) };
  return isPolicy(flat) && depthOf(flat) <= MAX_DEPTH ? flat : undefined;
}

/**
 * Finds the first policy of a text that is nested too deeply for Cedar to parse. Cedar's parser has no limit of its own,
 * and once it has run out of stack, Cedar decides no more, not even with policies that were parsed earlier.
 *
 * @returns the place of the policy, from 0 on, or `undefined` if there is none; the text need not be valid Cedar
 */
export function tooDeepToRead(text: string): number | undefined {
  let place = 0;
  let levels: readonly Level[] = [FLAT];
  for (const [token] of text.matchAll(TOKEN)) {
    const inner = levels.at(-1) ?? FLAT;
    const outer = levels.slice(0, -1);
    if (OPENING.has(token)) levels = [...levels, FLAT];
    else if (CLOSING.has(token)) levels = outer;
    else levels = [...outer, next(inner, token)];
    if (token === ';') place += 1;
    const steps = levels.reduce((sum, { ors, others }) => sum + ors + others + STEPS_OF_BRACKET, 0);
    if (steps > MAX_STEPS) return place;
  }
  return undefined;
}

/** The nesting in one pair of brackets, since the last comma: chains, and each `if` in the `else` of another. */
interface Level {
  readonly ors: number;
  /** Since the last `||`, for they bind more closely. */
  readonly others: number;
}

function next({ ors, others }: Level, token: string): Level {
  if (token === '||') return { ors: ors + 1, others: 0 };
  if (token === 'if') return { ors, others: others + STEPS_OF_BRACKET };
  if (OPERATORS.has(token)) return { ors, others: others + 1 };
  return token === ',' || token === ';' ? FLAT : { ors, others };
}

function balanced(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(balanced);
  if (!isObject(node)) return node;
  const chain = CHAINS.find((operator) => sidesOf(node, operator) !== undefined);
  if (chain !== undefined) return treeOf(chain, operandsOf(node, chain).map(balanced));
  // The inside of a value is data, even if it has names of operators.
  return Object.fromEntries(
    Object.entries(node).map(([key, inner]) => [key, key === 'Value' ? inner : balanced(inner)]),
  );
}

function operandsOf(node: unknown, operator: Chain): readonly unknown[] {
  const sides = sidesOf(node, operator);
  return sides === undefined ? [node] : sides.flatMap((side) => operandsOf(side, operator));
}

function sidesOf(node: unknown, operator: Chain): readonly [left: unknown, right: unknown] | undefined {
  const sides = isObject(node) ? new Map<string, unknown>(Object.entries(node)).get(operator) : undefined;
  return isObject(sides) && 'left' in sides && 'right' in sides ? [sides.left, sides.right] : undefined;
}

function treeOf(operator: Chain, operands: readonly unknown[]): unknown {
  if (operands.length === 1) return operands[0];
  const middle = Math.ceil(operands.length / 2);
  const left = treeOf(operator, operands.slice(0, middle));
  return { [operator]: { left, right: treeOf(operator, operands.slice(middle)) } };
}

function depthOf(node: unknown): number {
  return isObject(node) ? 1 + Math.max(0, ...Object.values(node).map(depthOf)) : 0;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isPolicy = (value: unknown): value is Cedar.PolicyJson => isObject(value);

type Chain = (typeof CHAINS)[number];

const CHAINS = ['||', '&&'] as const;
// Cedar takes 128 levels, and some of them are around a policy.
const MAX_DEPTH = 120;

const FLAT: Level = { ors: 0, others: 0 };
// A text or a comment is one token, and does not count.
const TOKEN = /"(?:\\.|[^"\\])*"|\/\/.*|\|\||&&|[-+*,;]|[([{]|[)\]}]|\bif\b/g;
const OPENING: ReadonlySet<string> = new Set(['(', '[', '{']);
const CLOSING: ReadonlySet<string> = new Set([')', ']', '}']);
const OPERATORS: ReadonlySet<string> = new Set(['&&', '+', '-', '*']);
const STEPS_OF_BRACKET = 5;
const MAX_STEPS = 300;
