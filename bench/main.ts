// npm run bench -- AREA [TEXT…]: the cases of an area, or those whose name contains every TEXT (of the SDK: a word that begins with it).
import { leaveOnSignals } from '@holdfast/testbed/leave-on-signals';
import { IS_QUIET, LOAD_AT_START } from './machine.ts';

/** Loaded when it is wanted: what one area needs is not in the memory of another. */
const AREAS = {
  sdk: async () => (await import('./sdk/bench.ts')).benchSdk,
  loop: async () => (await import('./loop.ts')).benchLoop,
  xks: async () => (await import('./xks/bench.ts')).benchXks,
  kms: async () => (await import('./kms/bench.ts')).benchKms,
  policies: async () => (await import('./policies/bench.ts')).benchPolicies,
  import: async () => (await import('./import.ts')).benchImport,
} as const satisfies Record<string, () => Promise<(texts: readonly string[]) => Promise<void>>>;

leaveOnSignals();
const [area = 'sdk', ...texts] = process.argv.slice(2);
if (!isArea(area)) throw new RangeError(`AREA: expected one of ${Object.keys(AREAS).join(', ')}`);
if (!IS_QUIET) console.log(`The machine is busy (load average ${LOAD_AT_START}): nothing is recorded.`);
const bench = await AREAS[area]();
await bench(texts);

function isArea(value: string): value is keyof typeof AREAS {
  return Object.hasOwn(AREAS, value);
}
