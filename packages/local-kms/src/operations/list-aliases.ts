import { z } from 'zod';
import { kmsArn } from '../arn.ts';
import { findKeyNotAlias } from '../keys/key-id.ts';
import { keyId, limit, marker } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { pageOf } from '../protocol/pages.ts';
import { toTimestamp } from '../protocol/time.ts';

/** All aliases, or those of one key, page by page. */
export const listAliases = operation({
  onAccount: true,
  input: z.object({ KeyId: keyId.optional(), Limit: limit({ default: 50, max: 100 }), Marker: marker }),
  run({ KeyId, Limit, Marker }, call) {
    const key = KeyId === undefined ? undefined : findKeyNotAlias(call, KeyId);
    const aliases = call.aliases.list().filter(({ targetKeyId }) => !key || targetKeyId === key.id);
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('ListAliases', aliases, ({ name }) => name, page);
    const Aliases = entries.map(({ name, targetKeyId, createdAt, updatedAt }) => ({
      AliasName: name,
      AliasArn: kmsArn(call.scope, name),
      TargetKeyId: targetKeyId,
      CreationDate: toTimestamp(createdAt),
      LastUpdatedDate: toTimestamp(updatedAt),
    }));
    return { Aliases, ...end };
  },
});
