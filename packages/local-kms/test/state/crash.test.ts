import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  ConnectCustomKeyStoreCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  ListAliasesCommand,
  ListKeyRotationsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectionEnd, createKeyStore, present } from '../fixtures/kms.ts';
import { startTestProxy } from '../fixtures/proxy.ts';
import { type RunningKms, runKms, stateIn, temporaryFolder } from '../fixtures/state.ts';

const DAY_MS = 86_400_000;

/** What a crash at this time would leave of a folder: its files as they are, without the lock. */
function afterCrash(folder: string): string {
  const copy = join(temporaryFolder(), 'copy');
  mkdirSync(copy);
  for (const name of readdirSync(folder).filter((name) => name !== 'lock')) {
    copyFileSync(join(folder, name), join(copy, name));
  }
  return copy;
}

const keyOf = async ({ client }: RunningKms) =>
  present((await client.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId);

describe('after a crash', () => {
  test('what time has done is done: keys are rotated and deleted, with their aliases', async () => {
    const folder = temporaryFolder();
    const first = await runKms({ state: stateIn(folder) });
    onTestFinished(() => first.stop());
    const [rotated, deleted] = [await keyOf(first), await keyOf(first)];
    await first.client.send(new EnableKeyRotationCommand({ KeyId: rotated, RotationPeriodInDays: 90 }));
    await first.client.send(new CreateAliasCommand({ AliasName: 'alias/gone', TargetKeyId: deleted }));
    await first.client.send(new ScheduleKeyDeletionCommand({ KeyId: deleted, PendingWindowInDays: 7 }));
    first.local.advanceClock(100 * DAY_MS);
    const encrypt = new EncryptCommand({ KeyId: rotated, Plaintext: Buffer.from('kept') });
    const { CiphertextBlob } = await first.client.send(encrypt);
    const rotations = new ListKeyRotationsCommand({ KeyId: rotated });
    const { Rotations } = await first.client.send(rotations);

    const second = await runKms({ state: stateIn(afterCrash(folder)) });
    expect(Rotations).toHaveLength(1);
    expect((await second.client.send(rotations)).Rotations).toEqual(Rotations);
    await second.client.send(new DecryptCommand({ CiphertextBlob }));
    const describeKey = second.client.send(new DescribeKeyCommand({ KeyId: deleted }));
    await expect(describeKey).rejects.toMatchObject({ name: 'NotFoundException' });
    expect((await second.client.send(new ListAliasesCommand())).Aliases).toEqual([]);
    await second.stop();
  });

  test('the clock is where it was moved to, once that is kept', async () => {
    const folder = temporaryFolder();
    const first = await runKms({ state: stateIn(folder) });
    onTestFinished(() => first.stop());
    first.local.advanceClock(100 * DAY_MS);
    await first.local.flush();
    const second = await runKms({ state: stateIn(afterCrash(folder)) });
    const { KeyMetadata } = await second.client.send(new CreateKeyCommand({}));
    expect(Number(KeyMetadata?.CreationDate)).toBeGreaterThan(Date.now() + 99 * DAY_MS);
    await second.stop();
  });

  test('an attempt to connect a key store goes on, and a store that was connected is', async () => {
    const proxy = await startTestProxy();
    onTestFinished(() => proxy.close());
    const folder = temporaryFolder();
    const options = {
      xksHosts: { [proxy.host]: proxy.address },
      xksCertificateAuthorities: proxy.certificate,
      xksTimeoutMs: 10_000,
    };
    const first = await runKms({ state: stateIn(folder), ...options });
    const CustomKeyStoreId = await createKeyStore(first, proxy);
    let answerNow = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answerNow = resolve;
    });
    proxy.before = () => answered;
    await first.client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    const connecting = afterCrash(folder);
    answerNow();
    expect(await connectionEnd(first, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
    const connected = afterCrash(folder);
    await first.stop();

    const second = await runKms({ state: stateIn(connecting), ...options });
    expect(await connectionEnd(second, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
    await second.stop();
    const third = await runKms({ state: stateIn(connected), ...options });
    const { CustomKeyStores } = await third.client.send(new DescribeCustomKeyStoresCommand());
    expect(CustomKeyStores).toMatchObject([{ CustomKeyStoreId, ConnectionState: 'CONNECTED' }]);
    const key = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'external-1' } as const;
    await third.client.send(new CreateKeyCommand(key));
    await third.stop();
  });
});
