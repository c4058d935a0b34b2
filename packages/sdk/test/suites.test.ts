import { describe, expect, it } from 'vitest';
import { defaultSuite } from '../src/commitment-policy.ts';
import { suiteById } from '../src/suites.ts';

const ids = [0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378, 0x0478, 0x0578];

describe('the table of suites', () => {
  it('has the eleven suites of the Encryption SDK and no others', () => {
    const found = Array.from({ length: 0x1_0000 }, (_, id) => suiteById(id)?.id).filter(
      (id) => id !== undefined,
    );
    expect(found).toEqual(ids);
  });

  it('lets the last byte of an id tell the key length', () => {
    const lengths = { 0x14: 16, 0x46: 24, 0x78: 32 };
    for (const id of ids) {
      expect(suiteById(id)?.dataKeyLength).toBe(
        Object.entries(lengths).find(([low]) => Number(low) === (id & 0xff))?.[1],
      );
    }
  });

  it('commits exactly in version 2 of the format', () => {
    for (const id of ids) {
      const suite = suiteById(id);
      expect(suite?.committing).toBe(id >= 0x0400);
      expect(suite?.messageVersion).toBe(id >= 0x0400 ? 2 : 1);
    }
  });

  it('signs with P-256 under 0x0214 and with P-384 under 0x0346, 0x0378 and 0x0578', () => {
    const signing = ids.flatMap((id) => {
      const signature = suiteById(id)?.signature;
      return signature === undefined ? [] : [[id, signature.curve, signature.hash]];
    });
    expect(signing).toEqual([
      [0x0214, 'P-256', 'SHA-256'],
      [0x0346, 'P-384', 'SHA-384'],
      [0x0378, 'P-384', 'SHA-384'],
      [0x0578, 'P-384', 'SHA-384'],
    ]);
  });

  it('names a default suite for each policy', () => {
    expect(defaultSuite('FORBID_ENCRYPT_ALLOW_DECRYPT').id).toBe(0x0378);
    expect(defaultSuite('REQUIRE_ENCRYPT_ALLOW_DECRYPT').id).toBe(0x0578);
    expect(defaultSuite('REQUIRE_ENCRYPT_REQUIRE_DECRYPT').id).toBe(0x0578);
  });

  it('cannot be changed', () => {
    const row = suiteById(0x0178);
    expect(() => Object.assign(row ?? {}, { committing: true })).toThrow(TypeError);
    expect(() => Object.assign(row?.derivation ?? {}, { kind: 'identity' })).toThrow(TypeError);
  });
});
