import type { Result } from './result.ts';

/** The names of the columns. */
export function heading(): string {
  return row(['Holdfast', 'client-node', 'floor', 'times', 'by CPU', 'of floor', 'by CPU', 'peak MiB', '']);
}

/** One case as a line of plain text. */
export function line(result: Result): string {
  const { name, oursToPeer, cpuToPeer, oursToFloor, cpuToFloor, peakRssMiB } = result;
  const peaks = peakRssMiB ? `${peakRssMiB.ours}/${peakRssMiB.peer}` : '';
  return row([
    rate(result.ours, result),
    rate(result.peer, result),
    rate(result.floor, result),
    oursToPeer.toFixed(2),
    cpuToPeer.toFixed(2),
    oursToFloor.toFixed(2),
    cpuToFloor.toFixed(2),
    peaks,
    name,
  ]);
}

function row(cells: readonly string[]): string {
  const name = cells.at(-1) ?? '';
  return `${cells
    .slice(0, -1)
    .map((cell, i) => cell.padStart(WIDTHS[i] ?? 0))
    .join('')}  ${name}`.trimEnd();
}

/** Small messages by number, large ones by volume. */
function rate(perSecond: number, { plaintextLength }: Result): string {
  return plaintextLength < MiB
    ? `${Math.round(perSecond)} /s`
    : `${Math.round((perSecond * plaintextLength) / MiB)} MiB/s`;
}

const MiB = 2 ** 20;
const WIDTHS = [11, 13, 12, 7, 8, 10, 8, 13] as const;
