import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/**
 * How often each of the needles, or its second half, stands in the writable memory of a process (Linux): of memory that
 * is let go of, allocators overwrite the first 16 bytes.
 */
export function copiesInMemory(pid: number, needles: readonly Uint8Array[]): number[] {
  const halves = needles.map((needle) => needle.subarray(needle.length / 2));
  const counts = needles.map(() => 0);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const { start, length } of writableRegions(pid)) {
      const region = readRegion(memory, start, length);
      for (const [i, needle] of halves.entries()) {
        let at = region.indexOf(needle);
        while (at !== -1) {
          counts[i] = (counts[i] ?? 0) + 1;
          at = region.indexOf(needle, at + 1);
        }
      }
    }
  } finally {
    closeSync(memory);
  }
  return counts;
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
  for (let offset = 0; offset < length; offset += chunkLength) {
    const chunk = Buffer.alloc(Math.min(chunkLength, length - offset));
    try {
      chunks.push(chunk.subarray(0, readSync(memory, chunk, 0, chunk.length, start + BigInt(offset))));
    } catch {
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

const chunkLength = 2 ** 20;
