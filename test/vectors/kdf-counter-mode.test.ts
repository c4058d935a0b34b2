import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  deriveInCounterMode,
  expandInCounterMode,
} from '../../packages/keyrings/src/internal/kdf-counter-mode.ts';
import { needVectors, vectorsDirectory } from './manifest.ts';

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const answer = z.object({
  hash: z.enum(['sha256', 'sha384']).transform((hash) => HASHES[hash]),
  key: base64,
  length: z.number(),
  output: base64,
});
const schema = z.object({
  rawCounterMode: z.array(answer.extend({ fixedInput: base64 })),
  labelledCounterMode: z.array(answer.extend({ label: base64, context: base64 })),
});

describe('known answers of the KDF in counter mode', () => {
  beforeEach(needVectors);

  it('are found', async () => {
    const file = join(vectorsDirectory, 'esdk/kdf-counter-mode.json');
    const { rawCounterMode, labelledCounterMode } = schema.parse(JSON.parse(readFileSync(file, 'utf8')));
    expect([rawCounterMode.length, labelledCounterMode.length]).toEqual([10, 53]);
    for (const { hash, key, fixedInput, length, output } of rawCounterMode) {
      expect(Buffer.from(await expandInCounterMode(hash, key, fixedInput, length))).toEqual(output);
    }
    for (const { hash, key, label, context, length, output } of labelledCounterMode) {
      const derived = await deriveInCounterMode(hash, key, { label, context }, length);
      expect(Buffer.from(derived)).toEqual(output);
    }
  });
});

const HASHES = { sha256: 'SHA-256', sha384: 'SHA-384' } as const;
