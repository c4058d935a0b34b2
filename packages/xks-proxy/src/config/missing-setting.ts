/** An error map for zod: an absent setting is missing, which zod would call invalid. Any other problem keeps its message. */
export const missingSetting = ({ input }: { readonly input?: unknown }): string | undefined =>
  input === undefined ? 'is missing' : undefined;
