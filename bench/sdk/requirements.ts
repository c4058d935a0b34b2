import type { Result } from './result.ts';

/** What the SDK is to reach: as a share of the floor, and as a multiple of the peer. */
interface Requirement {
  readonly title: string;
  /** Words of which a case's name has one each. */
  readonly cases: readonly (readonly string[])[];
  /** Words that are in no case's name. */
  readonly without?: readonly string[];
  readonly toFloor: number;
  readonly toPeer: { readonly encrypt: number; readonly decrypt: number };
}

/** A table in Markdown: each requirement, the worst of its cases each way, and whether it is met. */
export function requirementsTable(results: readonly Result[]): string {
  const rows = REQUIREMENTS.flatMap((requirement) =>
    (['encrypt', 'decrypt'] as const).map((direction) => row(requirement, direction, results)),
  );
  const machines = new Set(results.map(({ machine }) => machine));
  const loads = results.map(({ loadAverage }) => Math.round(loadAverage));
  const table = [HEADINGS, HEADINGS.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [
    `Measured with ${[...machines].join('; ')}, at load averages from ${Math.min(...loads)} to ${Math.max(...loads)}.`,
    'Ratios are by the clock, in brackets by processor time.',
    '',
    ...table,
  ].join('\n');
}

function row(
  { title, cases, without = [], toFloor, toPeer }: Requirement,
  direction: 'encrypt' | 'decrypt',
  results: readonly Result[],
): readonly string[] {
  const found = results.filter(({ name }) => {
    const words = new Set(name.split(' '));
    return (
      words.has(direction) &&
      cases.every((any) => any.some((word) => words.has(word))) &&
      !without.some((word) => words.has(word))
    );
  });
  if (found.length === 0)
    return [title, direction, `${toFloor}`, '', `${toPeer[direction]}`, '', 'not measured'];
  const least = (figure: (result: Result) => number): number => Math.min(...found.map(figure));
  const floorReached = least(({ oursToFloor }) => oursToFloor);
  const peerReached = least(({ oursToPeer }) => oursToPeer);
  const isMet = floorReached >= toFloor && peerReached >= toPeer[direction];
  return [
    title,
    direction,
    `${toFloor}`,
    `${floorReached.toFixed(2)} (${least(({ cpuToFloor }) => cpuToFloor).toFixed(2)})`,
    `${toPeer[direction]}`,
    `${peerReached.toFixed(1)} (${least(({ cpuToPeer }) => cpuToPeer).toFixed(1)})`,
    isMet ? 'met' : 'not met',
  ];
}

const HEADINGS = [
  'case',
  '',
  'of the floor: wanted',
  'reached',
  'times client-node: wanted',
  'reached',
  '',
] as const;

const REQUIREMENTS: readonly Requirement[] = [
  {
    title: '1 KiB unsigned, also cached',
    cases: [['1-KiB'], ['unsigned']],
    without: ['8-in-flight'],
    toFloor: 0.8,
    toPeer: { encrypt: 6, decrypt: 7 },
  },
  {
    title: '1 KiB signed, in sequence',
    cases: [['1-KiB'], ['signed']],
    without: ['cached', '8-in-flight'],
    toFloor: 0.85,
    toPeer: { encrypt: 1.8, decrypt: 3 },
  },
  {
    title: '1 KiB signed, 8 in flight',
    cases: [['1-KiB'], ['signed'], ['8-in-flight']],
    without: ['cached'],
    toFloor: 1.4,
    toPeer: { encrypt: 2.5, decrypt: 5 },
  },
  {
    title: '64 KiB and 1 MiB unsigned, 4 KiB frames',
    cases: [['64-KiB', '1-MiB'], ['unsigned'], ['4-KiB-frames']],
    toFloor: 0.8,
    toPeer: { encrypt: 4, decrypt: 5 },
  },
  {
    title: '16 MiB unsigned, 4 KiB frames',
    cases: [['16-MiB'], ['unsigned'], ['4-KiB-frames']],
    toFloor: 0.85,
    toPeer: { encrypt: 2.7, decrypt: 3.2 },
  },
  {
    title: '16 MiB signed, 4 KiB frames',
    cases: [['16-MiB'], ['signed'], ['4-KiB-frames']],
    toFloor: 0.85,
    toPeer: { encrypt: 2, decrypt: 2.8 },
  },
  {
    title: '256 MiB stream unsigned, 4 KiB frames',
    cases: [['256-MiB-stream'], ['unsigned'], ['4-KiB-frames']],
    without: ['workers'],
    toFloor: 0.8,
    toPeer: { encrypt: 2.2, decrypt: 2.6 },
  },
  {
    title: '256 MiB stream signed, 4 KiB frames',
    cases: [['256-MiB-stream'], ['signed'], ['4-KiB-frames']],
    without: ['workers'],
    toFloor: 0.8,
    toPeer: { encrypt: 1.9, decrypt: 2 },
  },
  {
    title: '256 MiB stream unsigned, 64 KiB and 1 MiB frames',
    cases: [['256-MiB-stream'], ['unsigned'], ['64-KiB-frames', '1-MiB-frames']],
    toFloor: 0.8,
    toPeer: { encrypt: 1.8, decrypt: 2.5 },
  },
  {
    title: '256 MiB stream signed, 64 KiB and 1 MiB frames',
    cases: [['256-MiB-stream'], ['signed'], ['64-KiB-frames', '1-MiB-frames']],
    toFloor: 0.8,
    toPeer: { encrypt: 1.25, decrypt: 1.3 },
  },
  {
    title: '256 MiB stream unsigned, 4 KiB frames, with workers',
    cases: [['256-MiB-stream'], ['unsigned'], ['workers']],
    toFloor: 1.1,
    toPeer: { encrypt: 2.5, decrypt: 2.8 },
  },
  {
    title: '256 MiB stream signed, 4 KiB frames, with workers',
    cases: [['256-MiB-stream'], ['signed'], ['workers']],
    toFloor: 1.1,
    toPeer: { encrypt: 2.4, decrypt: 2.4 },
  },
];
