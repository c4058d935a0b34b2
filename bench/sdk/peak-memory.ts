import { runChild } from '../child.ts';
import type { SideName } from './operations.ts';

/** MiB that a process had in use at most, which did one case by one side and nothing else. */
export async function peakMemory(
  caseName: string,
  side: Exclude<SideName, 'floor'>,
  messagePath: string,
): Promise<number> {
  const program = new URL('peak-memory-child.ts', import.meta.url);
  return Number(await runChild(program, caseName, side, messagePath));
}
