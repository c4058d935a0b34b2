import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  ListAliasesCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { createAliases } from '../../src/keys/aliases.ts';
import { createTable } from '../../src/state/table.ts';
import { refusal, SCOPE, startKms } from '../fixtures/kms.ts';

const aDate: unknown = expect.any(Date);

describe('an alias', () => {
  test('is created, listed, moved to another key and deleted', async () => {
    const { client, createKey } = await startKms();
    const [first, second] = [await createKey(), await createKey()];
    await client.send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: first }));
    const { Aliases } = await client.send(new ListAliasesCommand());
    expect(Aliases).toEqual([
      {
        AliasName: 'alias/a',
        AliasArn: `arn:aws:kms:${SCOPE}:alias/a`,
        TargetKeyId: first,
        CreationDate: aDate,
        LastUpdatedDate: aDate,
      },
    ]);
    await client.send(new UpdateAliasCommand({ AliasName: 'alias/a', TargetKeyId: second }));
    const described = await client.send(new DescribeKeyCommand({ KeyId: 'alias/a' }));
    expect(described.KeyMetadata?.KeyId).toBe(second);
    await client.send(new DeleteAliasCommand({ AliasName: 'alias/a' }));
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId: 'alias/a' })))).toBe(
      'NotFoundException',
    );
  });

  test.each([
    ['ValidationException', 'a'],
    ['ValidationException', 'alias/'],
    ['ValidationException', 'Alias/a'],
    ['ValidationException', 'alias/a:b'],
    ['InvalidAliasNameException', 'alias/aws/ebs'],
    ['ValidationException', 'alias/ä'],
    ['ValidationException', 'alias/a b'],
    ['ValidationException', `alias/${'x'.repeat(251)}`],
    ['no exception', `alias/${'x'.repeat(250)}`],
    ['no exception', 'alias/aws'],
    ['no exception', 'alias/a/b_c-1'],
  ])('is created with %s as %s', async (name, AliasName) => {
    const { client, createKey } = await startKms();
    const create = new CreateAliasCommand({ AliasName, TargetKeyId: await createKey() });
    expect(await refusal(client.send(create))).toBe(name);
  });

  test('is one of a kind and leads to a key', async () => {
    const { client, createKey } = await startKms();
    const TargetKeyId = await createKey();
    const create = (input: object) =>
      refusal(client.send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId, ...input })));
    expect(await create({ TargetKeyId: 'nothing' })).toBe('NotFoundException');
    expect(await create({})).toBe('no exception');
    expect(await create({})).toBe('AlreadyExistsException');
  });

  test('is not found where there is none', async () => {
    const { client, createKey } = await startKms();
    const TargetKeyId = await createKey();
    const AliasName = 'alias/none';
    expect(await refusal(client.send(new UpdateAliasCommand({ AliasName, TargetKeyId })))).toBe(
      'NotFoundException',
    );
    expect(await refusal(client.send(new DeleteAliasCommand({ AliasName })))).toBe('NotFoundException');
  });

  test('stays with keys of one type and usage', async () => {
    const { client, createKey } = await startKms();
    const AliasName = 'alias/a';
    const update = (TargetKeyId: string) =>
      refusal(client.send(new UpdateAliasCommand({ AliasName, TargetKeyId })));
    const rsa = { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' } as const;
    await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: await createKey(rsa) }));
    expect(await update(await createKey())).toBe('ValidationException');
    expect(await update(await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }))).toBe(
      'ValidationException',
    );
    expect(await update(await createKey(rsa))).toBe('no exception');
  });

  test('is one of fifty of its key at most', () => {
    const aliases = createAliases(createTable(), { now: () => new Date() });
    for (let i = 0; i < 50; i += 1) aliases.create(`alias/${i}`, 'one');
    aliases.create('alias/other', 'two');
    const tooMany: unknown = expect.objectContaining({ code: 'LimitExceededException' });
    expect(() => aliases.create('alias/50', 'one')).toThrow(tooMany);
    expect(() => aliases.retarget('alias/other', 'one')).toThrow(tooMany);
    expect(() => aliases.retarget('alias/0', 'one')).not.toThrow();
  });
});

describe('ListAliases', () => {
  test('lists the aliases of one key, or all, page by page in the order of their names', async () => {
    const { client, createKey } = await startKms();
    const [first, second] = [await createKey(), await createKey()];
    for (const [name, TargetKeyId] of [
      ['c', first],
      ['a', first],
      ['b', second],
    ] as const) {
      await client.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId }));
    }
    const list = async (input: object) => {
      const answer = await client.send(new ListAliasesCommand(input));
      return { names: answer.Aliases?.map(({ AliasName }) => AliasName), next: answer.NextMarker };
    };
    expect(await list({ KeyId: first })).toEqual({ names: ['alias/a', 'alias/c'], next: undefined });
    const page = await list({ Limit: 2 });
    expect(page.names).toEqual(['alias/a', 'alias/b']);
    expect(await list({ Limit: 2, Marker: page.next })).toEqual({ names: ['alias/c'], next: undefined });
    expect(await refusal(list({ KeyId: 'nothing' }))).toBe('NotFoundException');
  });
});
