import { z } from 'zod';
import type { Grant, GrantConstraints } from '../../keys/grants.ts';
import type { RecordKind } from '../records.ts';
import { optionally, storedPairs, storedTime } from './stored.ts';

/** The grants of a Region by their ids. */
export const grantKind: RecordKind<Grant> = {
  name: 'grant',
  toStored: ({ createdAt, constraints, ...grant }) => ({
    ...grant,
    createdAt: createdAt.getTime(),
    constraints: constraints && {
      ...constraints,
      EncryptionContextSubset: pairsOf(constraints.EncryptionContextSubset),
      EncryptionContextEquals: pairsOf(constraints.EncryptionContextEquals),
    },
  }),
  fromStored(stored) {
    const { constraints, ...grant } = grantSchema.parse(stored);
    return { ...grant, constraints: constraints && constraintsOf(constraints) };
  },
};

const constraintsSchema = z.strictObject({
  EncryptionContextSubset: optionally(storedPairs),
  EncryptionContextEquals: optionally(storedPairs),
  SourceArn: z.string().optional(),
});

const grantSchema = z.strictObject({
  id: z.string(),
  keyId: z.string(),
  createdAt: storedTime,
  name: optionally(z.string()),
  granteePrincipal: z.string(),
  retiringPrincipal: optionally(z.string()),
  operations: z.array(z.string()),
  constraints: optionally(constraintsSchema),
});

function pairsOf(context: Readonly<Record<string, string>> | undefined) {
  return context && Object.entries(context);
}

// A grant is compared with new ones, to which a member that is undefined is not the same as none.
function constraintsOf(constraints: z.output<typeof constraintsSchema>): GrantConstraints {
  const { EncryptionContextSubset, EncryptionContextEquals, SourceArn } = constraints;
  return {
    ...(EncryptionContextSubset && { EncryptionContextSubset: Object.fromEntries(EncryptionContextSubset) }),
    ...(EncryptionContextEquals && { EncryptionContextEquals: Object.fromEntries(EncryptionContextEquals) }),
    ...(SourceArn !== undefined && { SourceArn }),
  };
}
