import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateKeyCommand, DescribeKeyCommand } from '@aws-sdk/client-kms';
import type { LogRecord } from '@holdfast/local-kms';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { POSTGRES_PROGRAMS, startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { runKms, stateIn, temporaryFolder } from '../../fixtures/state.ts';
import { describeStore } from '../contract.ts';

const CUT =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'holdfast%' AND datname = current_database()";
const EMPTY = { header: '{}', version: 0, records: [] };
const change = { name: 'key/x/a', body: Buffer.from('one') };

describe.skipIf(POSTGRES_PROGRAMS === undefined)('PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  describeStore('PostgreSQL', () => postgresStore(server.url(randomUUID())));

  test('ends the use of a store whose connection is cut, and refuses what it still had to say', async () => {
    const location = postgresStore(server.url('cut'));
    const store = await location.open();
    await store.begin(EMPTY);
    server.sql('cut', CUT);
    await expect(store.lost).resolves.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.commit(1, [change])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const next = await location.open();
    await next.commit(1, [change]);
    await next.close();
    await store.close();
  });

  test('refuses a commit that is not the next one, and changes nothing', async () => {
    const location = postgresStore(server.url('fenced'));
    const store = await location.open();
    await store.begin(EMPTY);
    server.sql('fenced', 'UPDATE holdfast_local_kms SET version = 5');
    await expect(store.commit(1, [change])).rejects.toMatchObject({ code: 'STATE_IN_USE' });
    expect(await store.read()).toEqual({ ...EMPTY, version: 5 });
    await store.close();
  });

  test('keeps the state of a KMS, which answers nothing more when the database is gone', async () => {
    const database = { ...stateIn(temporaryFolder()), store: postgresStore(server.url('kms')) };
    const first = await runKms({ state: database });
    const { KeyMetadata } = await first.client.send(new CreateKeyCommand({}));
    await first.stop();
    const records: LogRecord[] = [];
    const second = await runKms({ state: database, log: (record) => void records.push(record) });
    const describeKey = new DescribeKeyCommand({ KeyId: KeyMetadata?.KeyId });
    expect((await second.client.send(describeKey)).KeyMetadata).toEqual(KeyMetadata);
    server.sql('kms', CUT);
    await expect.poll(() => records.map(({ event }) => event)).toContain('state-lost');
    await expect(second.client.send(describeKey)).rejects.toMatchObject({ name: 'KMSInternalException' });
    await expect(second.stop()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('holds a state that is corrupt, and none that is new, when only its records are left', async () => {
    const location = postgresStore(server.url('headless'));
    const store = await location.open();
    await store.begin(EMPTY);
    await store.commit(1, [change]);
    server.sql('headless', 'DELETE FROM holdfast_local_kms');
    await expect(store.read()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await expect(location.read()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await expect(store.begin(EMPTY)).rejects.toMatchObject({ code: 'STATE_EXISTS' });
    await store.close();
  });

  test('holds a state that is corrupt when a row of it cannot be ours', async () => {
    const location = postgresStore(server.url('tampered'));
    const store = await location.open();
    await store.begin(EMPTY);
    await store.commit(1, [change]);
    for (const table of ['holdfast_local_kms_records', 'holdfast_local_kms']) {
      server.sql('tampered', `UPDATE ${table} SET version = -1`);
      await expect(store.read()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
      server.sql('tampered', `UPDATE ${table} SET version = 1`);
    }
    expect(await store.read()).toMatchObject({ version: 1 });
    await store.close();
  });

  test('does not end a connection that has long had nothing to say', async () => {
    const url = server.url('idle');
    server.sql('postgres', "ALTER DATABASE idle SET idle_session_timeout = '100ms'");
    const store = await postgresStore(url).open();
    await sleep(500);
    await store.begin(EMPTY);
    expect(await store.read()).toEqual(EMPTY);
    await store.close();
  });

  test('is not looked for at what is no URL, and of that nothing is said', () => {
    for (const url of ['', 'db.example.com', 'mysql://tests:secret@localhost/a', 'postgresql://[secret']) {
      expect(() => postgresStore(url)).toThrow(new RangeError('url: expected postgresql://…'));
    }
  });

  test('has what the server says of a database that is not there, in one line', async () => {
    const url = server.url('somewhere').replace('/somewhere?', '/nowhere?');
    const message: unknown = expect.stringMatching(/^PostgreSQL: 3D000: .*nowhere.*$/);
    await expect(postgresStore(url).open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message });
  });

  test('says that it is not there', async () => {
    const location = postgresStore('postgresql://tests@127.0.0.1:1/nothing');
    await expect(location.open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(location.read()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
