import { createLocalKms } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { readPrincipals } from '../../src/identity/principals-file.ts';

const account = (members: object) => JSON.stringify({ accounts: { '111122223333': members } });
const key = { accessKeyId: 'ALANA', secretAccessKey: 'secret' };

describe('a principals file', () => {
  test('is YAML or JSON', () => {
    const yaml = 'accounts:\n  "111122223333":\n    users:\n      alana: {}\n';
    expect(readPrincipals(yaml)).toEqual(readPrincipals(account({ users: { alana: {} } })));
  });

  test.each([
    ['text that is neither', '{'],
    ['no accounts', '{}'],
    ['an account id without quotes', 'accounts: { 000000000001: {} }'],
    ['another member', account({ groups: {} })],
    ['a name with a space', account({ users: { 'a b': {} } })],
    ['a path without its slashes', account({ users: { a: { path: 'team' } } })],
    ['an access key without a secret', account({ users: { a: { accessKeys: [{ accessKeyId: 'A' }] } } })],
    ['a policy without statements', account({ users: { a: { policies: { own: {} } } } })],
    [
      'a policy with a principal',
      account({
        users: {
          a: {
            policies: {
              own: { Statement: { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' } },
            },
          },
        },
      }),
    ],
    [
      'an operator that there is not',
      account({
        users: {
          a: {
            policies: {
              own: {
                Statement: {
                  Effect: 'Allow',
                  Action: 'kms:*',
                  Resource: '*',
                  Condition: { StringIs: { a: 'b' } },
                },
              },
            },
          },
        },
      }),
    ],
    ['a user named __proto__', '{"accounts":{"111122223333":{"users":{"__proto__":{}}}}}'],
    [
      'a policy named __proto__',
      '{"accounts":{"111122223333":{"users":{"a":{"policies":{"__proto__":{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}}}}}}}',
    ],
    [
      'a condition named __proto__',
      '{"accounts":{"111122223333":{"users":{"a":{"policies":{"own":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"__proto__":"a"}}}}}}}}}}',
    ],
  ])('is refused for %s', (_what, text) => {
    expect(() => readPrincipals(text)).toThrow(RangeError);
  });

  test('has each access key once', () => {
    const users = { a: { accessKeys: [key] }, b: { accessKeys: [key] } };
    expect(() => createLocalKms({ principals: readPrincipals(account({ users })) })).toThrow(RangeError);
  });

  test('says of a mistake where it is, and not the value', () => {
    const text = account({ users: { a: { accessKeys: [{ ...key, sessionToken: '' }] } } });
    expect(() => readPrincipals(text)).toThrow(
      /^principals\.accounts\.111122223333\.users\.a\.accessKeys\.0\./,
    );
  });
});
