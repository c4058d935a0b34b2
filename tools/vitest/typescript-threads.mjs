// Worker threads load their files past Vitest: a thread of a test needs a loader for TypeScript of its own.
import { isMainThread } from 'node:worker_threads';

if (!isMainThread) {
  const { register } = await import('tsx/esm/api');
  register();
}
