/** The result of `work`, or `undefined` if it throws: for parsers that report invalid input by throwing. */
export function undefinedIfThrows<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
