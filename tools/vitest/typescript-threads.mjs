// Worker threads load their files past Vitest, and so do processes that a test's own process forks: they need a loader for
// TypeScript of their own.
import { isMainThread } from 'node:worker_threads';

const hasLoader = isMainThread && process.execArgv.some((argument) => argument.includes('/tsx/'));
const isProgram = process.argv[1]?.endsWith('.ts') === true;
if (!hasLoader && (!isMainThread || isProgram)) {
  const { register } = await import('tsx/esm/api');
  register();
}
