import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateKeyCommand, DescribeKeyCommand, KMSServiceException } from '@aws-sdk/client-kms';
import { createLocalKms, LocalKmsError, passphraseProtection } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { createRecords } from '../../src/state/records.ts';
import { decodeLog, encodeSnapshot } from '../../src/store/directory/state-log.ts';
import type { Snapshot } from '../../src/store/store.ts';
import { present } from '../fixtures/kms.ts';
import { runKms, stateIn, temporaryFolder } from '../fixtures/state.ts';

/** A folder with the state of a KMS that has two keys. */
async function folderWithKeys() {
  const folder = temporaryFolder();
  const kms = await runKms({ state: stateIn(folder) });
  const ids = [];
  for (let i = 0; i < 2; i += 1) {
    const { KeyMetadata } = await kms.client.send(new CreateKeyCommand({}));
    ids.push(present(KeyMetadata?.KeyId));
  }
  await kms.stop();
  return { folder, ids };
}

function rewrite(folder: string, change: (snapshot: Snapshot) => Snapshot): void {
  const path = join(folder, 'state-1.log');
  writeFileSync(path, encodeSnapshot(change(decodeLog(readFileSync(path)).snapshot)));
}

test('a record of a kind that is not known is not passed over', () => {
  const records = createRecords({ initial: [{ name: 'riddle/eu-north-1/a', stored: 1 }] });
  expect(records.regions()).toEqual(['eu-north-1']);
  expect(() => records.assertAllClaimed()).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
  expect(() => createRecords({ initial: [{ name: 'riddle', stored: 1 }] })).toThrow(LocalKmsError);
});

describe('state that is there', () => {
  test('does not open with another passphrase, and opens with the right one after that', async () => {
    const { folder, ids } = await folderWithKeys();
    const protection = passphraseProtection(Buffer.from('incorrect horse'));
    const other = runKms({ state: { ...stateIn(folder), protection } });
    await expect(other).rejects.toMatchObject({ code: 'SECRET_WRONG' });
    const kms = await runKms({ state: stateIn(folder) });
    for (const KeyId of ids) await kms.client.send(new DescribeKeyCommand({ KeyId }));
    await kms.stop();
  });

  test('is of its account', async () => {
    const { folder } = await folderWithKeys();
    const other = runKms({ state: stateIn(folder), accountId: '999999999999' });
    await expect(other).rejects.toMatchObject({ code: 'STATE_OF_OTHER_ACCOUNT' });
    rewrite(folder, (snapshot) => ({
      ...snapshot,
      header: snapshot.header.replace('111122223333', '999999999999'),
    }));
    const forged = runKms({ state: stateIn(folder), accountId: '999999999999' });
    await expect(forged).rejects.toMatchObject({ code: 'SECRET_WRONG' });
  });

  test('is refused in a format of another time', async () => {
    const { folder } = await folderWithKeys();
    rewrite(folder, (snapshot) => ({ ...snapshot, header: snapshot.header.replace('kms/1', 'kms/2') }));
    const later = runKms({ state: stateIn(folder) });
    await expect(later).rejects.toMatchObject({ code: 'STATE_OF_OTHER_VERSION' });
  });

  test.each<[string, (snapshot: Snapshot) => Snapshot]>([
    [
      'a record in the place of another',
      ({ records: [first, second], ...snapshot }) => {
        const swapped = { ...present(second), name: present(first).name };
        return { ...snapshot, records: [swapped] };
      },
    ],
    [
      'a record of a later version',
      ({ records, ...snapshot }) => ({
        ...snapshot,
        records: records.map((record) => ({ ...record, version: record.version + 1 })),
      }),
    ],
    [
      'a wrapped key of another length',
      (snapshot) => ({ ...snapshot, header: snapshot.header.replace(/"salt":"..../, '"salt":"') }),
    ],
    ['another header', (snapshot) => ({ ...snapshot, header: '{}' })],
    [
      'a cost beyond all bounds',
      (snapshot) => ({ ...snapshot, header: snapshot.header.replace('"costLog2":17', '"costLog2":30') }),
    ],
  ])('does not open with %s', async (_, change) => {
    const { folder } = await folderWithKeys();
    rewrite(folder, change);
    await expect(runKms({ state: stateIn(folder) })).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });

  test('is of one KMS at a time', async () => {
    const { folder } = await folderWithKeys();
    const kms = await runKms({ state: stateIn(folder) });
    const local = createLocalKms({ accountId: '111122223333', state: stateIn(folder) });
    await expect(local.listen()).rejects.toMatchObject({ code: 'STATE_IN_USE' });
    await kms.stop();
    await (await local.listen()).close();
  });
});

describe('a KMS with state', () => {
  const seed = { keys: [{ aliases: ['alias/seeded'] }] };
  const seeded = new DescribeKeyCommand({ KeyId: 'alias/seeded' });

  test('has its seed once, and what became of it after that', async () => {
    const state = stateIn(temporaryFolder());
    const first = await runKms({ state, seed });
    const { KeyMetadata } = await first.client.send(seeded);
    await first.stop();
    const second = await runKms({ state, seed });
    expect((await second.client.send(seeded)).KeyMetadata).toEqual(KeyMetadata);
    await second.stop();
  });

  test('has its clock where it was moved to, and what happened by then', async () => {
    const state = stateIn(temporaryFolder());
    const first = await runKms({ state, seed });
    first.local.advanceClock(400 * 86_400_000);
    await first.stop();
    const second = await runKms({ state });
    const { KeyMetadata } = await second.client.send(new CreateKeyCommand({}));
    expect(Number(KeyMetadata?.CreationDate)).toBeGreaterThan(Date.now() + 399 * 86_400_000);
    await second.stop();
  });

  test('is after a reset as after its first start, also for the next process', async () => {
    const state = stateIn(temporaryFolder());
    const first = await runKms({ state, seed });
    const made = await first.client.send(new CreateKeyCommand({}));
    first.local.advanceClock(1_000_000);
    await first.local.reset();
    const { KeyMetadata } = await first.client.send(seeded);
    await first.stop();
    const second = await runKms({ state, seed });
    expect((await second.client.send(seeded)).KeyMetadata).toEqual(KeyMetadata);
    const gone = second.client.send(new DescribeKeyCommand({ KeyId: made.KeyMetadata?.KeyId }));
    await expect(gone).rejects.toBeInstanceOf(KMSServiceException);
    const { KeyMetadata: next } = await second.client.send(new CreateKeyCommand({}));
    expect(Number(next?.CreationDate)).toBeLessThanOrEqual(Date.now());
    await second.stop();
  });

  test('can listen again in the same process', async () => {
    const local = createLocalKms({ state: stateIn(temporaryFolder()), seed });
    const answers: unknown[] = [];
    for (let i = 0; i < 2; i += 1) {
      const kms = await local.listen();
      const headers = { 'X-Amz-Target': 'TrentService.ListAliases' };
      answers.push(await (await fetch(kms.url, { method: 'POST', headers, body: '{}' })).json());
      await kms.close();
    }
    expect(answers[0]).toMatchObject({ Aliases: [{ AliasName: 'alias/seeded' }] });
    expect(answers[1]).toEqual(answers[0]);
  });

  test('is not made with ids from a seed', () => {
    expect(() => createLocalKms({ state: stateIn(temporaryFolder()), idSeed: 'a' })).toThrow(RangeError);
  });
});
