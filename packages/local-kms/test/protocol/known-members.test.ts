import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { OPERATIONS } from '../../src/operations/index.ts';
import { knownMembers } from '../../src/protocol/known-members.ts';

describe('known members', () => {
  test('are those that a schema names, at any depth, as they were sent', () => {
    const schema = z
      .object({
        a: z.string().transform((text) => text.length),
        b: z.array(z.object({ c: z.number().default(1) })).optional(),
        d: z.object({ e: z.unknown() }).default({ e: 1 }),
        f: z.record(z.string(), z.string()),
      })
      .refine(() => true)
      .transform(() => undefined);
    const known = knownMembers(schema);
    const sent = { a: 'a', b: [{ c: 2 }, {}], d: { e: { x: 1 } }, f: { x: 'y' } };
    expect(known(sent)).toEqual(sent);
    const more = { ...sent, b: [{ c: 2, x: 1 }, { x: 1 }], d: { ...sent.d, x: 1 }, x: 1 };
    expect(known(more)).toEqual(sent);
    expect(known({ b: 'b', d: [1], x: 1 })).toEqual({ b: 'b', d: [1] });
  });

  test('are absent where they are null, unless the names are the sender’s own', () => {
    const inner = z.object({ c: z.string().optional() });
    const schema = z.object({
      a: z.string(),
      b: inner,
      d: z.array(inner),
      f: z.record(z.string(), z.string()),
    });
    const sent = { a: null, b: { c: null }, d: [{ c: null }, null], f: { x: null } };
    expect(knownMembers(schema)(sent)).toEqual({ b: {}, d: [{}, null], f: { x: null } });
  });

  test('are read from a schema of objects only', () => {
    expect(() => knownMembers(z.string())).toThrow(TypeError);
  });

  test('of an operation are those of the API', () => {
    const sent = { KeyId: 'a', KeySpec: 'AES_256', NumberOfBytes: null, EncryptionContext: { a: 'b' } };
    const { KeyId, KeySpec, EncryptionContext } = sent;
    const members = (name: string) => OPERATIONS.get(name)?.members(sent);
    expect(members('GenerateDataKey')).toEqual({ KeyId, KeySpec, EncryptionContext });
    expect(members('Encrypt')).toEqual({ KeyId, EncryptionContext });
    expect(members('PutKeyPolicy')).toEqual({ KeyId });
    expect(members('ListKeys')).toEqual({});
  });
});
