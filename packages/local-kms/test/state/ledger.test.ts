import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LocalKmsError } from '../../src/local-kms-error.ts';
import { clockOffsetKind } from '../../src/state/kinds/clock-offset.ts';
import { createLedger } from '../../src/state/ledger.ts';
import { createRecords } from '../../src/state/records.ts';
import { unsealed } from '../../src/state/sealing.ts';
import type { SealedChange, Store } from '../../src/store/store.ts';
import { present } from '../fixtures/kms.ts';

/** A ledger over an engine that takes its time, and may fail. */
function ledgerOver({
  fails = () => false,
  lost,
}: {
  fails?: (version: number) => boolean;
  lost?: Store['lost'];
} = {}) {
  const commits: { version: number; changes: readonly SealedChange[] }[] = [];
  const store: Store = {
    ...(lost && { lost }),
    read: async () => undefined,
    begin: async () => undefined,
    async commit(version, changes) {
      await new Promise((resolve) => void setTimeout(resolve, 20));
      if (fails(version)) throw new LocalKmsError('STORE_UNAVAILABLE', 'the disk is full');
      commits.push({ version, changes });
    },
    close: async () => undefined,
  };
  const key = createSecretKey(randomBytes(32));
  const records = createRecords({ isKept: true });
  const lostBy: unknown[] = [];
  const ledger = createLedger({ store, key, version: 0, records: [] }, records, (error) =>
    lostBy.push(error),
  );
  return { ledger, records, table: records.table(clockOffsetKind, 'all'), commits, lostBy, key };
}

const unavailable: unknown = expect.objectContaining({ code: 'STORE_UNAVAILABLE' });

describe('a ledger', () => {
  test('keeps what changes together, and what changes meanwhile after that, together', async () => {
    const { ledger, table, commits, key } = ledgerOver();
    const settled: Promise<void>[] = [];
    for (let i = 0; i < 10; i += 1) {
      table.set(`a${i}`, i);
      settled.push(ledger.flush());
    }
    await settled[0];
    expect(commits).toHaveLength(1);
    for (let i = 0; i < 10; i += 1) {
      table.set(`b${i}`, i);
      settled.push(ledger.flush());
    }
    table.delete('a0');
    await Promise.all([...settled, ledger.flush()]);
    expect(commits.map(({ version, changes }) => [version, changes.length])).toEqual([
      [1, 10],
      [2, 11],
    ]);
    const { name, body } = present(commits[1]?.changes[0]);
    const record = { name: 'clock-offset/all/b0', stored: 0 };
    expect(unsealed(key, { name, version: 2, body: present(body) })).toEqual(record);
    expect(commits[1]?.changes.at(-1)).toEqual({ name: 'clock-offset/all/a0', body: undefined });
  });

  test('has those wait who have changed nothing but may have seen what is not kept yet', async () => {
    const { ledger, table, commits } = ledgerOver();
    table.set('a', 1);
    void ledger.flush();
    await ledger.flush();
    expect(commits).toHaveLength(1);
    await ledger.flush();
    expect(commits).toHaveLength(1);
  });

  test('puts other records in the place of all in one commit', async () => {
    const { ledger, table, commits } = ledgerOver();
    table.set('a', 1);
    table.set('b', 1);
    await ledger.flush();
    const next = createRecords({ isKept: true });
    const nextTable = next.table(clockOffsetKind, 'all');
    nextTable.set('b', 2);
    await ledger.replace(next);
    expect(commits[1]?.changes.map(({ name, body }) => [name, body !== undefined])).toEqual([
      ['clock-offset/all/b', true],
      ['clock-offset/all/a', false],
    ]);
    nextTable.set('c', 3);
    await ledger.flush();
    expect(commits).toHaveLength(3);
  });

  test('keeps nothing more after something could not be kept, and says so to everybody', async () => {
    const { ledger, table, commits, lostBy } = ledgerOver({ fails: (version) => version === 2 });
    table.set('a', 1);
    await ledger.flush();
    table.set('a', 2);
    await expect(ledger.flush()).rejects.toEqual(unavailable);
    table.set('a', 3);
    await expect(ledger.flush()).rejects.toEqual(unavailable);
    await expect(ledger.flush()).rejects.toEqual(unavailable);
    await expect(ledger.close()).rejects.toEqual(unavailable);
    expect(commits).toHaveLength(1);
    expect(lostBy).toEqual([unavailable]);
  });

  test('does the same when the store is lost', async () => {
    const error = new LocalKmsError('STORE_UNAVAILABLE', 'the connection has ended');
    const { ledger, lostBy } = ledgerOver({ lost: Promise.resolve(error) });
    await expect.poll(() => lostBy).toEqual([error]);
    await expect(ledger.flush()).rejects.toBe(error);
  });
});
