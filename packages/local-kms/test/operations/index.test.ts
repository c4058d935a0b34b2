import * as sdk from '@aws-sdk/client-kms';
import { expect, test } from 'vitest';
import { OPERATIONS } from '../../src/operations/index.ts';

test('every operation of the API is there, and no other', () => {
  const commands = Object.keys(sdk).flatMap((name) => /^([A-Z]\w+)Command$/.exec(name)?.[1] ?? []);
  expect(commands.length).toBeGreaterThan(50);
  expect([...OPERATIONS.keys()].sort()).toEqual(commands.sort());
});
