/**
 * Whether a text matches a pattern in which `*` stands for any characters and `?` for one. The time grows at worst with
 * the product of both lengths, for any text that a caller sends.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  let position = 0;
  while (position < text.length) {
    const symbol = pattern[at];
    if (symbol === '*') {
      star = at;
      resumeAt = position;
      at += 1;
    } else if (symbol === '?' || (symbol !== undefined && symbol === text[position])) {
      at += 1;
      position += 1;
    } else if (star >= 0) {
      // The last star takes one more character; the stars before it never need to.
      resumeAt += 1;
      position = resumeAt;
      at = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}
