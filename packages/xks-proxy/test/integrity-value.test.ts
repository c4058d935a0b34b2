import { expect, it } from 'vitest';
import { integrityValue } from '../src/integrity-value.ts';

const base64 = (text: string) => Buffer.from(text, 'base64');

it('the integrity value of the example in the specification is reproduced', () => {
  const value = integrityValue({
    additionalAuthenticatedData: base64('cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n'),
    ciphertextMetadata: base64('a2V5X3ZlcnNpb249MQ=='),
    iv: base64('HMrlRw85cAJUd5Ax'),
    ciphertext: base64('ghxkK1txeDNn3q8Y'),
    tag: base64('vBxN2ncH1oEkR8WVXpmyYQ=='),
  });
  expect(value.toString('base64')).toBe('qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=');
});
