import { describe, expect, test } from 'vitest';
import { conditions, isConditionOperator } from '../../src/policy/conditions.ts';

/** Whether a condition on the key `k` is met by its values in a request. */
function isMet(
  operator: string,
  expected: readonly string[],
  actual: readonly string[] | undefined,
): boolean {
  return conditions(
    { [operator]: { K: expected } },
    true,
  )((key) => {
    if (key === 'aws:username') return ['alana'];
    if (key === 'aws:tagkeys') return ['x', 'y'];
    return key === 'k' ? actual : undefined;
  });
}

describe('a condition', () => {
  test.each<[string, readonly string[], readonly string[] | undefined, boolean]>([
    ['StringEquals', ['a', 'b'], ['b'], true],
    ['StringEquals', ['a*'], ['ab'], false],
    ['StringEquals', ['A'], ['a'], false],
    ['StringEquals', ['a'], undefined, false],
    ['StringNotEquals', ['a', 'b'], ['b'], false],
    ['StringNotEquals', ['a', 'b'], ['c'], true],
    ['StringNotEquals', ['a'], undefined, true],
    ['StringNotEquals', ['a'], ['b', 'a'], false],
    ['StringEqualsIgnoreCase', ['A'], ['a'], true],
    ['StringNotEqualsIgnoreCase', ['A'], ['a'], false],
    ['StringLike', ['a*c?'], ['abbbcd'], true],
    ['StringLike', ['a*c?'], ['abbbc'], false],
    ['StringLike', ['*a*a*b'], ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'], false],
    ['StringNotLike', ['a*'], ['ab'], false],
    ['StringEquals', ['${aws:username}'], ['alana'], true],
    ['StringLike', ['${aws:username}-*'], ['alana-1'], true],
    ['StringEquals', ['${aws:nobody}'], ['${aws:nobody}'], false],
    ['StringEquals', ["${aws:nobody, 'x'}"], ['x'], true],
    ['StringEquals', ['${aws:tagkeys}'], ['x'], false],
    ['StringEquals', ["${aws:tagkeys, 'z'}"], ['z'], true],
    ['StringLike', ['${*}${?}${$}'], ['*?$'], true],
    ['StringLike', ['${*}'], ['a'], false],
    ['StringEqualsIfExists', ['a'], undefined, true],
    ['StringEqualsIfExists', ['a'], ['b'], false],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
    ['ForAnyValue:StringEquals', ['a'], ['c'], false],
    ['ForAnyValue:StringEquals', ['a'], undefined, false],
    ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
    ['ForAnyValue:StringNotEquals', ['a'], undefined, false],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b', 'a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAllValues:StringEquals', ['a'], undefined, true],
    ['NumericEquals', ['7'], ['7.0'], true],
    ['NumericNotEquals', ['7'], ['8'], true],
    ['NumericLessThan', ['10'], ['9'], true],
    ['NumericLessThanEquals', ['10'], ['10'], true],
    ['NumericGreaterThan', ['10'], ['9'], false],
    ['NumericGreaterThanEquals', ['10'], ['ten'], false],
    ['NumericLessThan', ['ten'], ['1'], false],
    ['DateLessThan', ['2026-01-02T00:00:00Z'], ['2026-01-01T23:59:59.999Z'], true],
    ['DateGreaterThan', ['1767225600'], ['2026-01-01T00:00:01Z'], true],
    ['DateEquals', ['2026-01-01'], ['2026-01-01T00:00:00Z'], true],
    ['DateGreaterThan', ['2025'], ['2026-01-01T00:00:00Z'], false],
    ['DateGreaterThanEquals', ['soon'], ['2026-01-01T00:00:00Z'], false],
    ['Bool', ['true'], ['True'], true],
    ['Bool', ['true'], ['false'], false],
    ['BinaryEquals', ['AQI='], ['AQI'], true],
    ['IpAddress', ['10.0.0.0/8'], ['10.255.0.1'], true],
    ['IpAddress', ['10.0.0.0/8'], ['11.0.0.1'], false],
    ['IpAddress', ['10.0.0.0/8'], ['::ffff:10.0.0.1'], true],
    ['IpAddress', ['2001:db8::/32'], ['2001:db8::1'], true],
    ['IpAddress', ['::/0'], ['::ffff:10.0.0.1'], false],
    ['IpAddress', ['10.0.0.0/8/8'], ['10.0.0.1'], false],
    ['IpAddress', ['10.0.0.0/33'], ['10.0.0.1'], false],
    ['IpAddress', ['everywhere'], ['10.0.0.1'], false],
    ['IpAddress', ['0.0.0.0/0'], ['nowhere'], false],
    ['NotIpAddress', ['10.0.0.0/8'], ['11.0.0.1'], true],
    ['ArnLike', ['arn:aws:iam::*:role/a*'], ['arn:aws:iam::111122223333:role/app'], true],
    ['ArnLike', ['arn:aws:*:role/a*'], ['arn:aws:iam::111122223333:role/app'], false],
    ['ArnLike', ['arn:aws:iam::*:*'], ['arn:aws:iam::111122223333'], false],
    ['ArnEquals', ['arn:aws:s3:::b/*'], ['arn:aws:s3:::b/a:c'], true],
    [
      'ArnLike',
      ['arn:aws:iam::111122223333:user/${aws:username}'],
      ['arn:aws:iam::111122223333:user/alana'],
      true,
    ],
    ['ArnNotLike', ['arn:aws:iam::*:user/*'], ['arn:aws:iam::111122223333:role/app'], true],
    ['ArnNotEquals', ['arn:aws:iam::1:user/a'], ['arn:aws:iam::1:user/a'], false],
    ['ArnLike', ['*'], ['arn:aws:iam::1:user/a'], false],
    ['Null', ['true'], undefined, true],
    ['Null', ['true'], ['a'], false],
    ['Null', ['false'], ['a'], true],
  ])('%s %j on %j is met: %s-%s', (operator, expected, actual, met) => {
    expect(isMet(operator, expected, actual)).toBe(met);
  });

  test('holds for all keys and all operators', () => {
    const both = conditions({ StringEquals: { a: ['1'], b: ['2'] }, Null: { c: ['true'] } }, false);
    const given = (values: Readonly<Record<string, string>>) =>
      both((key) => (values[key] === undefined ? undefined : [values[key]]));
    expect(given({ a: '1', b: '2' })).toBe(true);
    expect(given({ a: '1' })).toBe(false);
    expect(given({ a: '1', b: '2', c: '3' })).toBe(false);
  });

  test.each([
    ["${aws:nobody  ,\t'a, b'}", 'a, b'],
    ["${aws:nobody,''}", ''],
    ["${aws:username, 'x'}", 'alana'],
    ["${aws:nobody, 'x' }", "${aws:nobody, 'x' }"],
    ['${aws:nobody, x}', '${aws:nobody, x}'],
    ["${, 'x'}", "${, 'x'}"],
    ['${*}', '*'],
  ])('has the default of a variable behind a comma, in quotes: %s', (expected, value) => {
    expect(isMet('StringEquals', [expected], [value])).toBe(true);
    expect(isMet('StringEquals', [expected], [`${value} `])).toBe(false);
  });

  test('of as many characters as a policy has is read in no time', () => {
    const started = performance.now();
    for (const end of ['x}', ',}', ",'}"]) {
      isMet('StringEquals', ['${'.concat(' '.repeat(32_000), end)], ['a']);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });

  test.each(['StringEquals', 'StringLike', 'StringEqualsIgnoreCase'])(
    '%s matches no text by a variable without a value',
    (operator) => {
      for (const expected of ['${aws:username}', 'a${aws:username}', '${aws:username}*']) {
        const test = conditions({ [operator]: { k: [expected] } }, true);
        for (const actual of [expected, '', 'a', 'undefined']) {
          expect(test((key) => (key === 'k' ? [actual] : undefined))).toBe(false);
        }
      }
    },
  );

  test('has no variables in documents of the older version', () => {
    const old = conditions({ StringEquals: { k: ['${aws:username}'] } }, false);
    expect(old((key) => (key === 'k' ? ['${aws:username}'] : ['alana']))).toBe(true);
  });

  test.each(['StringEquals', 'ForAnyValue:ArnLikeIfExists', 'Null', 'NumericNotEqualsIfExists'])(
    'has the operator %s',
    (name) => expect(isConditionOperator(name)).toBe(true),
  );

  test.each([
    'stringequals',
    'StringEqual',
    'NullIfExists',
    'ForAnyValue:Null',
    'constructor',
    'Some:Bool',
    '',
  ])('has no operator %j', (name) => expect(isConditionOperator(name)).toBe(false));
});
