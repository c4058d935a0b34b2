import { expect, it } from 'vitest';
import { releaseBuffer, takeBuffer } from '../../src/cipher/buffer-pool.ts';

it.each([1, 2048, 2049, 100_000])('a buffer for %d bytes holds nothing once it was given back', (length) => {
  const block = takeBuffer(length);
  expect(block.length).toBeGreaterThanOrEqual(length);
  block.fill(7);
  releaseBuffer(block);
  expect(block.every((byte) => byte === 0)).toBe(true);
});
