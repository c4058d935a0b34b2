import { expect, it } from 'vitest';
import { contract, messages } from './contract.ts';

it('the contract of all runtimes holds on this one', async () => {
  expect(await contract(await messages())).toBe(180);
});
