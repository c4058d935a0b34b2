import * as z from 'zod';

/** One case, measured. Rates are messages per second; ratios are of rates, so that more is better for us. */
export type Result = z.infer<typeof RESULT_SCHEMA>;

/** A result as it is recorded. */
export const RESULT_SCHEMA = z.strictObject({
  name: z.string(),
  plaintextLength: z.number(),
  frameLength: z.number(),
  ours: z.number(),
  peer: z.number(),
  floor: z.number(),
  oursToPeer: z.number(),
  oursToFloor: z.number(),
  cpuToPeer: z.number(),
  cpuToFloor: z.number(),
  /** The major version of Node, each of which has a table of its own. */
  node: z.number(),
  machine: z.string(),
  /** How many others wanted the processors. */
  loadAverage: z.number(),
  /** Of a process that did nothing else. */
  peakRssMiB: z.strictObject({ ours: z.number(), peer: z.number() }).optional(),
});
