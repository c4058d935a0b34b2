import { describe, expect, test } from 'vitest';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  KEY_ARN,
  KEY_ID,
  rootOf,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

describe('explanations', () => {
  test('name what is not there', async () => {
    const { local } = await startGuardedKms({ accounts: {} }, [ENABLE_IAM]);
    const root = rootOf(ACCOUNT);
    expect(() => local.explain({ principal: 'nobody', operation: 'Encrypt', key: KEY_ID })).toThrow(
      RangeError,
    );
    expect(() => local.explain({ principal: root, operation: 'Encrypt', key: 'alias/none' })).toThrow(
      expect.objectContaining({ code: 'NotFoundException' }),
    );
    expect(local.explain({ principal: root, operation: 'CreateKey' })).toMatchObject({
      allowed: true,
      resource: '*',
    });
  });

  test('of what is on no key leave keys and their policies aside', async () => {
    const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: {} } } } }, [
      allow('kms:*', { Principal: { AWS: user('alana') } }),
    ]);
    const operations = ['CreateKey', 'Encrypt', 'GenerateRandom', 'ListAliases'];
    for (const key of [KEY_ID, undefined]) {
      const answers = local.explainAll({ operations, key });
      expect(answers.map(({ operation, resource, allowed }) => [operation, resource, allowed])).toEqual([
        ['Encrypt', KEY_ARN, true],
        ['CreateKey', '*', false],
        ['GenerateRandom', '*', false],
        ['ListAliases', '*', false],
      ]);
    }
    const question = { principal: 'alana', operation: 'CreateKey', key: KEY_ID };
    expect(local.explain(question)).toMatchObject({ resource: '*', allowed: false });
    expect(() => local.explain({ principal: 'alana', operation: 'Encrypt' })).toThrow(RangeError);
  });

  test.each(['Decript', 'kms:Decrypt', 'decrypt', 'ReEncrypt', 'ReEncryptAll'])(
    'are of permissions that there are: not %s',
    async (operation) => {
      const { local } = await startGuardedKms({ accounts: {} }, [ENABLE_IAM]);
      const principal = rootOf(ACCOUNT);
      expect(() => local.explain({ principal, operation, key: KEY_ID })).toThrow(RangeError);
      expect(() => local.explainAll({ principal, operations: ['Encrypt', operation] })).toThrow(RangeError);
    },
  );

  test.each(['Encrypt', 'ReEncryptFrom', 'ReEncryptTo'])(
    'of %s know the alias that a key is asked for by',
    async (operation) => {
      const Condition = { StringEquals: { 'kms:RequestAlias': 'alias/orders' } };
      const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: {} } } } }, [
        allow('kms:*', { Principal: { AWS: user('alana') }, Condition }),
      ]);
      const isAllowed = (key: string) => local.explain({ principal: 'alana', operation, key }).allowed;
      expect([isAllowed('alias/orders'), isAllowed(KEY_ID)]).toEqual([true, false]);
    },
  );

  test.each([
    ['CreateAlias', true],
    ['UpdateAlias', true],
    ['DeleteAlias', true],
    ['ReplicateKey', true],
    ['UpdatePrimaryRegion', true],
    ['Encrypt', false],
  ])('of %s say whether it takes more than the permission on the key: %s', async (operation, takesMore) => {
    const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: {} } } } }, [
      allow('kms:*', { Principal: { AWS: user('alana') } }),
    ]);
    const answer = local.explain({ principal: 'alana', operation, key: KEY_ARN });
    expect(answer.allowed).toBe(true);
    expect(answer.alsoTakes !== undefined).toBe(takesMore);
    expect(answer.text.includes(answer.alsoTakes ?? 'also')).toBe(takesMore);
  });
});
