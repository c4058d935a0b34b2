import { describe, expect, it } from 'vitest';
import { decryptionFailureOf } from '../../src/library/quirks.ts';

describe('the return value for a bad tag', () => {
  it.each([
    ['SoftHSM', 2, 5, 5],
    ['SoftHSM', 2, 6, 5],
    ['SoftHSM', 2, 7, undefined],
    ['SoftHSM', 3, 0, undefined],
    ['Mozilla Foundation', 2, 0, undefined],
  ])('of %s %i.%i is %s', (manufacturer, major, minor, expected) => {
    const manufacturerID = manufacturer.padEnd(32);
    expect(decryptionFailureOf({ manufacturerID, libraryVersion: { major, minor } })).toBe(expected);
  });
});
