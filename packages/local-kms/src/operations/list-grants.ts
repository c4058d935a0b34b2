import { z } from 'zod';
import { grantEntry, grantId, principal } from '../keys/grant-members.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyId, limit, marker } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { pageOf } from '../protocol/pages.ts';

/** The grants of a key, page by page: all, that with an id, or those of a grantee. */
export const listGrants = operation({
  input: z.object({
    KeyId: keyId,
    GrantId: grantId.optional(),
    GranteePrincipal: principal.optional(),
    Limit: limit({ default: 50, max: 100 }),
    Marker: marker,
  }),
  unsupported: ['GranteeServicePrincipal'],
  run({ KeyId, GrantId, GranteePrincipal, Limit, Marker }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    if (GrantId !== undefined) call.grants.withId(GrantId, key.id);
    const grants = call.grants
      .list()
      .filter(({ keyId }) => keyId === key.id)
      .filter(({ id }) => GrantId === undefined || id === GrantId)
      .filter(
        ({ granteePrincipal }) => GranteePrincipal === undefined || granteePrincipal === GranteePrincipal,
      );
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('ListGrants', grants, ({ id }) => id, page);
    return { Grants: entries.map((grant) => grantEntry(call.scope, key, grant)), ...end };
  },
});
