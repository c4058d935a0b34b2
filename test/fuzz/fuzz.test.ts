import { expect, it } from 'vitest';
import { corpus } from './corpus.ts';
import { fuzz } from './fuzz.ts';
import { mutations } from './mutate.ts';
import { randomFrom } from './random.ts';

it('finds no changed message that is accepted, crashes, hangs or differs in pieces', {
  timeout: 120_000,
}, async () => {
  const seed = 20_261_121;
  const findings = { accepted: [], crashes: [], slow: [], divergent: [] };
  expect(await fuzz({ seed, cases: 3000 })).toEqual({ cases: 3000, ...findings });
});

it('does the same for the same seed', async () => {
  const bytes = () => Buffer.from(randomFrom(7).bytes(100)).toString('hex');
  expect(bytes()).toBe(bytes());
});

it('changes messages in every way that it knows', async () => {
  const samples = await corpus();
  const random = randomFrom(1);
  for (const [name, mutate] of Object.entries(mutations)) {
    let changed = 0;
    for (let i = 0; i < 50; i++) {
      const sample = random.pick(samples);
      const mutant = mutate(sample, random.pick(samples), random);
      if (Buffer.compare(mutant, sample.message) !== 0) changed += 1;
    }
    expect({ name, changed: changed > 10 }).toEqual({ name, changed: true });
  }
});
