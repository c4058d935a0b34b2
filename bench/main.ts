// npm run bench -- AREA [TEXT…]: the cases of an area, or those whose name contains every TEXT (of the SDK: a word that begins with it).
import { benchImport } from './import.ts';
import { benchKms } from './kms/bench.ts';
import { benchPolicies } from './policies/bench.ts';
import { benchSdk } from './sdk/bench.ts';
import { benchXks } from './xks/bench.ts';

const AREAS = {
  sdk: benchSdk,
  xks: benchXks,
  kms: benchKms,
  policies: benchPolicies,
  import: benchImport,
} as const satisfies Record<string, (texts: readonly string[]) => Promise<void>>;

const [area = 'sdk', ...texts] = process.argv.slice(2);
if (!isArea(area)) throw new RangeError(`AREA: expected one of ${Object.keys(AREAS).join(', ')}`);
await AREAS[area](texts);

function isArea(value: string): value is keyof typeof AREAS {
  return Object.hasOwn(AREAS, value);
}
