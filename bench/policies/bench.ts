import * as z from 'zod';
import { runChild } from '../child.ts';
import { type Figure, record } from '../figures.ts';

/** What a decision of the local KMS costs, by a key policy of three statements and an identity policy with conditions. */
export async function benchPolicies(): Promise<void> {
  const output = await runChild(new URL('decisions-child.ts', import.meta.url));
  const roundsUs = z.array(z.number()).min(1).parse(JSON.parse(output));
  const [fastest = Number.NaN, median = Number.NaN] = [roundsUs[0], roundsUs[roundsUs.length >> 1]];
  const figure: Figure = {
    title: 'processor time of a policy decision, in µs',
    wanted: `≤ ${MAX_US}`,
    reached: Number(median.toPrecision(2)),
    isMet: median <= MAX_US,
    detail: `median of ${roundsUs.length} rounds; the fastest ${fastest.toPrecision(2)}`,
  };
  console.log(`${figure.title}: ${figure.reached} (${figure.detail})`);
  record('policies', NAME, [figure], [NAME]);
}

const NAME = 'decision';
const MAX_US = 10;
