import { z } from 'zod';
import { grantEntry, principal } from '../keys/grant-members.ts';
import { limit, marker } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { pageOf } from '../protocol/pages.ts';

/** The grants of all keys that a principal may retire, page by page. */
export const listRetirableGrants = operation({
  onAccount: true,
  input: z.object({
    RetiringPrincipal: principal,
    Limit: limit({ default: 50, max: 100 }),
    Marker: marker,
  }),
  unsupported: ['RetiringServicePrincipal'],
  run({ RetiringPrincipal, Limit, Marker }, { scope, grants, keys }) {
    const retirable = grants
      .list()
      .filter(({ retiringPrincipal }) => retiringPrincipal === RetiringPrincipal);
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('ListRetirableGrants', retirable, ({ id }) => id, page);
    const Grants = entries.flatMap((grant) => {
      const key = keys.find(grant.keyId);
      return key ? [grantEntry(scope, key, grant)] : [];
    });
    return { Grants, ...end };
  },
});
