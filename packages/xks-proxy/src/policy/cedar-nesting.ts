import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/**
 * The same policy with each chain of `||` or `&&` as a balanced tree: Cedar nests a chain once for each operand, and
 * stops at a depth that a list of sixty principals has. The operands keep their order, and so does what is evaluated.
 *
 * @returns `undefined` for what is too deep for Cedar all the same
 */
export function flattened(policy: Cedar.PolicyJson): Cedar.PolicyJson | undefined {
  const flat: unknown = { ...policy, conditions: balanced(policy.conditions) };
  return isPolicy(flat) && depthOf(flat) <= MAX_DEPTH ? flat : undefined;
}

function balanced(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(balanced);
  if (!isObject(node)) return node;
  const chain = CHAINS.find((operator) => sidesOf(node, operator) !== undefined);
  if (chain !== undefined) return treeOf(chain, operandsOf(node, chain).map(balanced));
  // What is in a value is data, whatever its names.
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
// Cedar reads 128 levels, some of which are around a policy.
const MAX_DEPTH = 120;
