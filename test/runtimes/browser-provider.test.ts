import { expect, it, vi } from 'vitest';
import { contract, messages } from './contract.ts';

// Everywhere that Node's provider would be loaded, that of browsers is.
vi.mock(import('../../packages/sdk/src/crypto/node.ts'), async () => {
  const web = await import('../../packages/sdk/src/crypto/web.ts');
  return { ...web };
});

it('the contract of all runtimes holds with the browser provider on this one', async () => {
  expect(await contract(await messages())).toBe(180);
});
