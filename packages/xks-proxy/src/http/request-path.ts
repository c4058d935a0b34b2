/**
 * Whether a raw request target is a plain path: segments of `A-Za-z0-9._-`, no empty or dot segment,
 * no query, no escape, no absolute form, at most 256 characters (XKS API v1, "API operations").
 * A target that passes reads the same to the signature check and to any router.
 */
export function isPlainPath(target: string): boolean {
  return target.length <= MAX_TARGET_CHARACTERS && PLAIN_PATH.test(target) && !DOT_SEGMENT.test(target);
}

/** The longest request target. */
export const MAX_TARGET_CHARACTERS = 256;
const PLAIN_PATH = /^(?:\/[A-Za-z0-9._-]+)+$/;
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;
