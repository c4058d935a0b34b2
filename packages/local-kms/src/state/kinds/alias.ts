import { z } from 'zod';
import type { Alias } from '../../keys/aliases.ts';
import type { RecordKind } from '../records.ts';
import { storedTime } from './stored.ts';

/** The aliases of a Region by their names. */
export const aliasKind: RecordKind<Alias> = {
  name: 'alias',
  toStored: ({ createdAt, updatedAt, ...alias }) => ({
    ...alias,
    createdAt: createdAt.getTime(),
    updatedAt: updatedAt.getTime(),
  }),
  fromStored: (stored) => aliasSchema.parse(stored),
};

const aliasSchema = z.strictObject({
  name: z.string(),
  targetKeyId: z.string(),
  createdAt: storedTime,
  updatedAt: storedTime,
});
