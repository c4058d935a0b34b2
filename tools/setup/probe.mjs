import { run } from './step.mjs';

/**
 * What goes wrong when pkcs11js is loaded, and a PKCS#11 module with it if one is named; undefined if nothing does.
 * In a process of its own, because a library that is cut off short ends the process that loads it.
 */
export function problemOf(root, module) {
  const { ok, output } = run(process.execPath, ['-e', PROBE, ...(module ? [module] : [])], { cwd: root });
  return ok ? undefined : output.split('\n')[0] || 'it crashes when it is loaded';
}

const PROBE = `
try {
  const { PKCS11 } = require('pkcs11js');
  const [, module] = process.argv;
  if (module) new PKCS11().load(module);
} catch (error) {
  process.stdout.write(error.message);
  process.exitCode = 1;
}`;
