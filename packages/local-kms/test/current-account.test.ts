import { once } from 'node:events';
import { createServer } from 'node:net';
import { createLocalKms, directoryStore, type ListeningKms, type Seed } from '@holdfast/local-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAccount } from '../src/account.ts';
import { createCurrentAccount } from '../src/current-account.ts';
import { idSource } from '../src/ids.ts';
import type { Account } from '../src/kms.ts';
import { createXksTransport } from '../src/xks/transport.ts';
import { stateIn, temporaryFolder } from './fixtures/state.ts';

const ACCOUNT = '111122223333';
const HOST = 'localhost';
const SEED = { keys: [{ aliases: ['alias/seeded'] }] };

/** The status of the answer. */
async function answerTo(operation: string, { url }: ListeningKms) {
  const headers = { 'X-Amz-Target': `TrentService.${operation}` };
  const { status } = await fetch(url, { method: 'POST', headers, body: '{}' });
  return status;
}

function withState(seed: Seed = SEED) {
  const folder = temporaryFolder();
  const kms = createLocalKms({ state: stateIn(folder), seed });
  // How many keys the folder has at this time.
  const kept = async () => {
    const { records = [] } = (await directoryStore(folder).read()) ?? {};
    return records.filter(({ name }) => name.startsWith('key/')).length;
  };
  return { kms, kept };
}

async function busyPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

describe('a KMS with state keeps what it answers', () => {
  test('when it begins to listen while its last listener is closed', async () => {
    const { kms, kept } = withState();
    const first = await kms.listen();
    const [, second] = await Promise.all([first.close(), kms.listen({ host: HOST })]);
    expect(await answerTo('CreateKey', second)).toBe(200);
    expect(await kept()).toBe(2);
    const closing = second.close();
    await new Promise((resolve) => void setTimeout(resolve, 5));
    const [, third] = await Promise.all([closing, kms.listen()]);
    expect(await answerTo('CreateKey', third)).toBe(200);
    expect(await kept()).toBe(3);
    await third.close();
  });

  test('when one of its listeners is closed twice', async () => {
    const { kms, kept } = withState();
    const first = await kms.listen();
    const second = await kms.listen();
    await Promise.all([first.close(), first.close()]);
    await first.close();
    expect(await answerTo('CreateKey', second)).toBe(200);
    expect(await kept()).toBe(2);
    await second.close();
    await expect(kms.flush()).rejects.toThrow(TypeError);
  });

  test('when it cannot listen at one of two ports', async () => {
    const { kms, kept } = withState();
    const port = await busyPort();
    const [refused, listening] = await Promise.allSettled([kms.listen({ port }), kms.listen({ host: HOST })]);
    expect(refused).toMatchObject({ reason: { code: 'EADDRINUSE' } });
    if (listening.status === 'rejected') throw listening.reason;
    expect(await answerTo('CreateKey', listening.value)).toBe(200);
    expect(await kept()).toBe(2);
    await listening.value.close();
  });

  test('and lets go of the state when it cannot listen at all', async () => {
    const { kms } = withState();
    await expect(kms.listen({ port: await busyPort() })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(kms.flush()).rejects.toThrow(TypeError);
    await (await kms.listen()).close();
  });

  test('a reset too, which comes before it is closed or not at all', async () => {
    // A key that takes its time.
    const { kms, kept } = withState({ keys: [{ spec: 'RSA_3072', usage: 'SIGN_VERIFY' }] });
    const first = await kms.listen();
    await answerTo('CreateKey', first);
    await Promise.all([kms.reset(), first.close()]);
    expect(await kept()).toBe(1);
    const second = await kms.listen();
    await answerTo('CreateKey', second);
    await second.close();
    await expect(kms.reset()).rejects.toThrow(TypeError);
    expect(await kept()).toBe(2);
  });

  test('but nothing of a seed that cannot be planted, and then begins with the next one', async () => {
    const folder = temporaryFolder();
    const transport = createXksTransport({ hosts: {}, certificateAuthorities: undefined, timeoutMs: 100 });
    onTestFinished(() => transport.close());
    const accountOf = (plant: (account: Account) => Promise<void>) =>
      createCurrentAccount({
        accountId: ACCOUNT,
        state: stateIn(folder),
        create: (records, clock) =>
          createAccount({
            accountId: ACCOUNT,
            clock,
            ids: idSource(),
            records,
            transport,
            xksHealthIntervalMs: 300_000,
            log: () => undefined,
          }),
        plant,
        onLost: () => undefined,
      });
    const aliasesOf = (account: Account) =>
      account
        .region('eu-north-1')
        .aliases.list()
        .map(({ name }) => name);
    const first = accountOf(async (account) => {
      account.region('eu-north-1').aliases.create('alias/half', 'a');
      throw new RangeError('seed: expected another one');
    });
    await expect(first.open()).rejects.toThrow(RangeError);
    expect(aliasesOf(first.account())).toEqual([]);
    const second = accountOf(async (account) =>
      account.region('eu-north-1').aliases.create('alias/whole', 'a'),
    );
    await second.open();
    expect(aliasesOf(second.account())).toEqual(['alias/whole']);
    await second.close();
  });

  test('and before it listens takes nothing that it could not keep', async () => {
    const { kms } = withState();
    expect(() => kms.advanceClock(1)).toThrow(TypeError);
    await expect(kms.flush()).rejects.toThrow(TypeError);
    await expect(kms.reset()).rejects.toThrow(TypeError);
  });
});

test('a KMS in memory has its seed once, also when it was reset before it listens', async () => {
  const kms = createLocalKms({ seed: SEED });
  await kms.reset();
  const listening = await kms.listen();
  const headers = { 'X-Amz-Target': 'TrentService.ListKeys' };
  const answer = await fetch(listening.url, { method: 'POST', headers, body: '{}' });
  expect(await answer.json()).toMatchObject({ Keys: [{}] });
  await listening.close();
});
