import { z } from 'zod';
import type { RecordKind } from '../records.ts';

/** How many milliseconds the clock is ahead of that of the machine. */
export const clockOffsetKind: RecordKind<number> = {
  name: 'clock-offset',
  toStored: (aheadMs) => aheadMs,
  fromStored: (stored) => z.number().min(0).parse(stored),
};
