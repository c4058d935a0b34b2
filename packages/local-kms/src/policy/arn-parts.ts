/**
 * The parts of an ARN between its colons; the last of them may have colons of its own. A colon inside of a policy variable
 * does not part. Of what is no ARN, or not all of one, fewer than six.
 */
export function arnParts(text: string): readonly string[] {
  const parts = text.match(/(?:\$\{[^{}]*\}|[^:])+|(?<=:|^)(?=:|$)/g) ?? [];
  return parts.length <= ARN_PARTS
    ? parts
    : [...parts.slice(0, ARN_PARTS - 1), parts.slice(ARN_PARTS - 1).join(':')];
}

/** How many parts an ARN has. */
export const ARN_PARTS = 6;
