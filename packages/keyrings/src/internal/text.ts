/** True for a text that UTF-8 can carry: without lone surrogates. */
export function isWellFormed(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

/** True for such a text that is not empty. */
export function isText(value: unknown): value is string {
  return value !== '' && isWellFormed(value);
}
