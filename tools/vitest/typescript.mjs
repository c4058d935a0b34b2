// For processes and threads that a test starts, which load their files past Vitest: TypeScript runs in them, and of a
// package's sources what was built of them.
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const isProgram = /\.m?ts$/.test(process.argv[1] ?? '');
if (!isMainThread || isProgram) register('./typescript-hooks.mjs', import.meta.url);
