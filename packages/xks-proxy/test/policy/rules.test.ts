import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PolicyRule, rulesPolicy } from '../../src/policy/rules.ts';
import type { RequestMetadata } from '../../src/wire.ts';

const alice: RequestMetadata = {
  awsPrincipalArn: 'arn:aws:iam::111122223333:user/Alice',
  kmsOperation: 'Decrypt',
};
const noon = new Date('2026-11-20T12:00:00Z');
const request = { metadata: alice, externalKeyId: 'orders', now: noon };
const rule = (
  name: string,
  effect: PolicyRule['effect'],
  patterns: PolicyRule['conditions']['patterns'] = {},
  time: Omit<PolicyRule['conditions'], 'patterns'> = {},
): PolicyRule => ({ name, effect, conditions: { patterns, ...time } });
const decide = (rules: readonly PolicyRule[], more: Partial<typeof request> = {}) =>
  rulesPolicy(rules, 'deny').decide({ ...request, ...more });

describe('a policy of rules', () => {
  it('leaves to its default what no rule holds for', () => {
    expect(decide([])).toEqual({ isAllowed: false, rule: 'default' });
    expect(rulesPolicy([], 'allow').decide(request)).toEqual({ isAllowed: true, rule: 'default' });
  });

  it('names the first rule that denies, whatever allows', () => {
    const rules = [rule('a', 'allow'), rule('d1', 'deny', { kmsOperation: ['Dec*'] }), rule('d2', 'deny')];
    expect(decide(rules)).toEqual({ isAllowed: false, rule: 'd1' });
    const encrypting = { ...alice, kmsOperation: 'Encrypt' };
    expect(decide(rules.slice(0, 2), { metadata: encrypting })).toEqual({ isAllowed: true, rule: 'a' });
  });

  it('wants every condition of a rule, and one of the patterns of each', () => {
    const both = rule('r', 'allow', { kmsOperation: ['Encrypt', 'Decrypt'], externalKeyId: ['orders'] });
    expect(decide([both]).isAllowed).toBe(true);
    expect(decide([both], { externalKeyId: 'parcels' }).isAllowed).toBe(false);
  });

  it('does not hold for a field that the request has not', () => {
    expect(decide([rule('r', 'allow', { kmsViaService: ['*'] })]).isAllowed).toBe(false);
    expect(decide([rule('r', 'allow', { account: ['111122223333'] })]).isAllowed).toBe(true);
    for (const awsPrincipalArn of [
      'AWS Internal',
      's3.amazonaws.com',
      'arn:aws:iam::11112222333:user/A',
      'arn:aws:iam::1111222233334:user/A',
    ]) {
      const metadata = { ...alice, awsPrincipalArn };
      expect(decide([rule('r', 'allow', { account: ['*'] })], { metadata }).isAllowed).toBe(false);
    }
  });

  it('goes by hours, over midnight too, days and dates, all of them in UTC', () => {
    const at = (time: Omit<PolicyRule['conditions'], 'patterns'>, now: string) =>
      decide([rule('r', 'allow', {}, time)], { now: new Date(now) }).isAllowed;
    const office = { hours: { from: 8 * 60, to: 18 * 60 } };
    const night = { hours: { from: 22 * 60, to: 6 * 60 } };
    expect(at(office, '2026-11-20T08:00:00Z')).toBe(true);
    expect(at(office, '2026-11-20T18:00:00Z')).toBe(false);
    expect(at(night, '2026-11-20T23:59:59Z')).toBe(true);
    expect(at(night, '2026-11-20T05:59:59Z')).toBe(true);
    expect(at(night, '2026-11-20T06:00:00Z')).toBe(false);
    expect(at({ weekdays: [5] }, '2026-11-20T12:00:00Z')).toBe(true);
    expect(at({ weekdays: [5] }, '2026-11-21T00:00:00Z')).toBe(false);
    const fridayNight = { ...night, weekdays: [5] };
    expect(at(fridayNight, '2026-11-20T05:59:59Z')).toBe(false);
    expect(at(fridayNight, '2026-11-20T22:00:00Z')).toBe(true);
    expect(at(fridayNight, '2026-11-21T05:59:59Z')).toBe(true);
    expect(at(fridayNight, '2026-11-21T22:00:00Z')).toBe(false);
    expect(at({ ...night, weekdays: [6] }, '2026-11-22T00:00:00Z')).toBe(true);
    expect(at({ ...office, weekdays: [5] }, '2026-11-20T08:00:00Z')).toBe(true);
    expect(at({ ...office, weekdays: [5] }, '2026-11-21T08:00:00Z')).toBe(false);
    expect(at({ notBefore: noon }, '2026-11-20T11:59:59Z')).toBe(false);
    expect(at({ notAfter: noon }, '2026-11-20T12:00:01Z')).toBe(false);
    expect(at({ notBefore: noon, notAfter: noon }, '2026-11-20T12:00:00Z')).toBe(true);
  });

  it('decides as rules read one by one do', () => {
    const operations = fc.constantFrom('Encrypt', 'Decrypt', 'GenerateDataKey');
    const keys = fc.constantFrom('orders', 'parcels');
    const rules = fc.array(
      fc.record({
        effect: fc.constantFrom<PolicyRule['effect']>('allow', 'deny'),
        kmsOperation: fc.option(fc.array(operations, { minLength: 1, maxLength: 2 })),
        externalKeyId: fc.option(fc.array(keys, { minLength: 1, maxLength: 2 })),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(rules, operations, keys, (list, kmsOperation, externalKeyId) => {
        const fits = (row: (typeof list)[number]) =>
          (row.kmsOperation === null || row.kmsOperation.includes(kmsOperation)) &&
          (row.externalKeyId === null || row.externalKeyId.includes(externalKeyId));
        let expected = false;
        for (const row of list) if (row.effect === 'allow' && fits(row)) expected = true;
        for (const row of list) if (row.effect === 'deny' && fits(row)) expected = false;
        const policy = list.map((row, index) =>
          rule(`r${index}`, row.effect, {
            ...(row.kmsOperation && { kmsOperation: row.kmsOperation }),
            ...(row.externalKeyId && { externalKeyId: row.externalKeyId }),
          }),
        );
        expect(decide(policy, { metadata: { kmsOperation }, externalKeyId }).isAllowed).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
