import { expect, it } from 'vitest';
import { withDeadline } from '../src/deadline.ts';

it('work that ends in time gives its result, or its own error', async () => {
  await expect(withDeadline(Promise.resolve(1), 1000)).resolves.toBe(1);
  await expect(withDeadline(Promise.reject(new TypeError('own')), 1000)).rejects.toThrow(TypeError);
});

it('work that takes longer is a timeout', async () => {
  let release = (): void => undefined;
  const work = new Promise<void>((resolve) => {
    release = resolve;
  });
  await expect(withDeadline(work, 20)).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
  release();
});

it('work that fails after its deadline disturbs nobody', async () => {
  const work = new Promise<void>((_resolve, reject) => void setTimeout(() => reject(new Error('late')), 30));
  await expect(withDeadline(work, 5)).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
  await expect(work).rejects.toThrow('late');
});
