import { aesGcmKey } from '@holdfast/sdk/spi';
import { expect, test } from 'vitest';
import * as web from '../../packages/sdk/src/crypto/web.ts';

test('the tests of this project run over the provider that browsers get', () => {
  expect(aesGcmKey).toBe(web.aesGcmKey);
});
