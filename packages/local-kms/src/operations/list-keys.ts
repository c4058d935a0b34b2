import { z } from 'zod';
import { limit, marker } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { pageOf } from '../protocol/pages.ts';

/** The ids and ARNs of all keys, page by page. */
export const listKeys = operation({
  onAccount: true,
  input: z.object({ Limit: limit({ default: 100, max: 1000 }), Marker: marker }),
  run({ Limit, Marker }, { keys }) {
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('ListKeys', keys.list(), ({ id }) => id, page);
    return { Keys: entries.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...end };
  },
});
