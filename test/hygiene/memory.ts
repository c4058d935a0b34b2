import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/**
 * How often each of the needles, of 32 bytes or more, stands in the writable memory of a process (Linux), or at least its
 * second half: of memory that is let go of, allocators overwrite the first 16 bytes.
 */
export function copiesInMemory(pid: number, needles: readonly Uint8Array[]): number[] {
  const halves = indexOf(needles.map((needle) => needle.subarray(needle.length / 2)));
  const counts = needles.map(() => 0);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const { start, length } of writableRegions(pid)) {
      const region = readRegion(memory, start, length);
      for (let offset = 0; offset + PREFIX_LENGTH <= region.length; offset += 1) {
        if (halves.mayBegin[(region[offset] ?? 0) | ((region[offset + 1] ?? 0) << 8)] === 0) continue;
        for (const needle of halves.at(region, offset)) counts[needle] = (counts[needle] ?? 0) + 1;
      }
    }
  } finally {
    closeSync(memory);
  }
  return counts;
}

/** All needles at once: one after the other, thousands would take minutes. */
function indexOf(needles: readonly Uint8Array[]) {
  const mayBegin = new Uint8Array(2 ** 16);
  const byPrefix = new Map<string, number[]>();
  for (const [i, needle] of needles.entries()) {
    mayBegin[(needle[0] ?? 0) | ((needle[1] ?? 0) << 8)] = 1;
    const prefix = Buffer.from(needle.subarray(0, PREFIX_LENGTH)).toString('latin1');
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), i]);
  }
  return {
    mayBegin,
    /** Those that stand there. */
    at(region: Buffer, offset: number): readonly number[] {
      const candidates = byPrefix.get(region.toString('latin1', offset, offset + PREFIX_LENGTH)) ?? [];
      return candidates.filter((i) => {
        const needle = needles[i];
        return needle !== undefined && region.subarray(offset, offset + needle.length).equals(needle);
      });
    },
  };
}

function writableRegions(pid: number): { start: bigint; length: number }[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n');
  return lines.flatMap((line) => {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (start === undefined || end === undefined) return [];
    const [from, to] = [BigInt(`0x${start}`), BigInt(`0x${end}`)];
    return [{ start: from, length: Number(to - from) }];
  });
}

/** Pages that were never touched cannot be read: whatever is behind them in the region is left out. */
function readRegion(memory: number, start: bigint, length: number): Buffer {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < length; offset += CHUNK_LENGTH) {
    const chunk = Buffer.alloc(Math.min(CHUNK_LENGTH, length - offset));
    try {
      chunks.push(chunk.subarray(0, readSync(memory, chunk, 0, chunk.length, start + BigInt(offset))));
    } catch {
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

const CHUNK_LENGTH = 2 ** 20;
const PREFIX_LENGTH = 16;
