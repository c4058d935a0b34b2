import * as z from 'zod';

/** Whose key a data key is asked for under: the KMS's own, or one in an external key store. */
export const SIDES = ['own', 'external'] as const;

/** What the client is told. */
export const SETTINGS_SCHEMA = z.strictObject({
  endpoint: z.string(),
  region: z.string(),
  keys: z.strictObject({ own: z.string(), external: z.string() }),
  /** Whose processor time is counted besides its own. */
  serverPids: z.strictObject({ kms: z.number(), proxy: z.number() }),
});

const TURN_SCHEMA = z.strictObject({
  latenciesMs: z.array(z.number()),
  /** Processor time, which is what the latency is made of where nothing else wants the processors. */
  cpuMs: z.strictObject({ client: z.number(), kms: z.number(), proxy: z.number() }),
});

/** What the calls under each key came to. */
export const TURNS_SCHEMA = z.strictObject({ own: TURN_SCHEMA, external: TURN_SCHEMA });

export type Settings = z.infer<typeof SETTINGS_SCHEMA>;
export type Turns = z.infer<typeof TURNS_SCHEMA>;
