/** What zod is to say of a setting that is absent, which it would call invalid; `undefined` for its own words. */
export const missingSetting = ({ input }: { readonly input?: unknown }): string | undefined =>
  input === undefined ? 'is missing' : undefined;
