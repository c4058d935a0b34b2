// The program of a thread: it opens a module, closes it again, and posts the outcome.
import { parentPort } from 'node:worker_threads';
import { type OpenModuleOptions, openModule, Pkcs11Error } from '../../src/index.ts';

parentPort?.once('message', (options: OpenModuleOptions) => {
  parentPort?.postMessage(outcome(options), []);
});

function outcome(options: OpenModuleOptions) {
  try {
    const module = openModule(options);
    const tokens = module.tokens().length;
    module.close();
    return { tokens };
  } catch (error) {
    return { code: error instanceof Pkcs11Error ? error.code : error instanceof Error ? error.name : 'none' };
  }
}
