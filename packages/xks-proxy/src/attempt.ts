/** What `work` gives, or `undefined` where it throws: for libraries that say so what a text is not. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
