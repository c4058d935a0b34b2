import { expect, it } from 'vitest';
import { withDeadline } from '../src/deadline.ts';

it('work that ends in time gives its result, or its own error', async () => {
  const deadline = new AbortController();
  await expect(withDeadline(Promise.resolve(1), 20, deadline)).resolves.toBe(1);
  await expect(withDeadline(Promise.reject(new TypeError('own')), 20, deadline)).rejects.toThrow(TypeError);
  await new Promise((resolve) => void setTimeout(resolve, 40));
  expect(deadline.signal.aborted).toBe(false);
});

it('work that takes longer is a timeout, and is told so', async () => {
  const deadline = new AbortController();
  const work = new Promise<void>((resolve) => {
    deadline.signal.addEventListener('abort', () => resolve());
  });
  const error = { errorName: 'DependencyTimeoutException' };
  await expect(withDeadline(work, 20, deadline)).rejects.toMatchObject(error);
  await work;
  expect(deadline.signal.reason).toMatchObject(error);
});

it('work that fails after its deadline disturbs nobody', async () => {
  const work = new Promise<void>((_resolve, reject) => void setTimeout(() => reject(new Error('late')), 30));
  await expect(withDeadline(work, 5, new AbortController())).rejects.toMatchObject({
    errorName: 'DependencyTimeoutException',
  });
  await expect(work).rejects.toThrow('late');
});
