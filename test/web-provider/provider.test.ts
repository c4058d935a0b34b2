import { aesGcmKey } from '@holdfast/sdk/spi';
import { expect, onTestFinished, test, vi } from 'vitest';

test('the tests of this project run over the provider that browsers get', async () => {
  const importKey = vi.spyOn(crypto.subtle, 'importKey');
  onTestFinished(() => importKey.mockRestore());
  await aesGcmKey(new Uint8Array(16));
  expect(importKey).toHaveBeenCalledOnce();
});
