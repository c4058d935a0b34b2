import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { POSTGRES_PROGRAMS, startPostgres, type TestPostgres } from '../../fixtures/postgres.ts';
import { describeStore } from '../contract.ts';

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
    server.sql(
      'cut',
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'holdfast%'",
    );
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

  test('says that it is not there', async () => {
    const location = postgresStore('postgresql://tests@127.0.0.1:1/nothing');
    await expect(location.open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(location.read()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
