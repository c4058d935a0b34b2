import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeLine } from '../../../src/store/directory/lines.ts';
import { decodeLog, encodeCommit, encodeSnapshot } from '../../../src/store/directory/state-log.ts';
import type { SealedChange, Snapshot } from '../../../src/store/store.ts';

const corrupt: unknown = expect.objectContaining({ code: 'STATE_CORRUPT' });
const name = fc.constantFrom('key/a/1', 'key/a/2', 'alias/a/alias/ü');
const body = fc.uint8Array({ maxLength: 60 });
const record = fc.record({ name, version: fc.constantFrom(1, 2, 3), body });
const snapshots = fc.record({
  header: fc.string({ unit: 'binary' }),
  version: fc.constantFrom(3, 4),
  records: fc.uniqueArray(record, { selector: ({ name }) => name }),
});
const changes = fc.uniqueArray(fc.record({ name, body: fc.option(body, { nil: undefined }) }), {
  selector: ({ name }) => name,
  minLength: 1,
});
const histories = fc.record({
  snapshot: snapshots,
  commits: fc.array(changes, { minLength: 1, maxLength: 4 }),
});

interface History {
  readonly snapshot: Snapshot;
  readonly commits: readonly (readonly SealedChange[])[];
}

/** The log of a history, and where each of its commits ends. */
function written({ snapshot, commits }: History) {
  const lines = commits.map((changes, index) => encodeCommit(snapshot.version + 1 + index, changes));
  const parts = [encodeSnapshot(snapshot), ...lines];
  const ends = parts.map((_, index) => Buffer.concat(parts.slice(0, index + 1)).length);
  return { log: Buffer.concat(parts), ends };
}

/** What a history comes to after so many of its commits. */
function after({ snapshot, commits }: History, count: number) {
  const records = new Map(snapshot.records.map((record) => [record.name, record]));
  for (const [index, changes] of commits.slice(0, count).entries()) {
    const version = snapshot.version + 1 + index;
    for (const { name, body } of changes) {
      if (body) records.set(name, { name, version, body });
      else records.delete(name);
    }
  }
  return comparable({ ...snapshot, version: snapshot.version + count, records: [...records.values()] });
}

/** A log whose one commit has so many bytes, and where that starts. */
function withLastCommit(bytes: number) {
  const commits = [[{ name: 'key/a/1', body: Buffer.alloc(bytes, 1) }]];
  const { log, ends } = written({ snapshot: { header: '', version: 0, records: [] }, commits });
  return { log, start: ends[0] ?? 0 };
}

function comparable({ records, ...snapshot }: Snapshot) {
  return { ...snapshot, records: records.map(({ body, ...record }) => ({ ...record, body: [...body] })) };
}

describe('a log', () => {
  test('that was cut off at any byte has every commit that was written to its end, and nothing else', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { log, ends } = written(history);
        for (let length = 0; length <= log.length; length += 1) {
          const whole = ends.filter((end) => end <= length);
          const cut = log.subarray(0, length);
          if (whole.length === 0) {
            expect(() => decodeLog(cut)).toThrow(corrupt);
            continue;
          }
          const { snapshot, bytes } = decodeLog(cut);
          expect(comparable(snapshot)).toEqual(after(history, whole.length - 1));
          expect(bytes).toBe(whole.at(-1));
        }
      }),
      { numRuns: 8 },
    );
  });

  test('of which a bit has changed, in the last commit too, is corrupt', () => {
    fc.assert(
      fc.property(histories, fc.nat(7), (history, bit) => {
        const { log } = written(history);
        for (let at = 0; at < log.length; at += 1) {
          const changed = Buffer.from(log);
          changed.writeUInt8(log.readUInt8(at) ^ (1 << bit), at);
          expect(() => decodeLog(changed)).toThrow(corrupt);
        }
      }),
      { numRuns: 5 },
    );
  });

  test('of which a line is missing, twice there or in another place is corrupt', () => {
    const history = {
      snapshot: { header: '', version: 0, records: [] },
      commits: [1, 2, 3, 4].map(() => []),
    };
    const { log } = written(history);
    const [opening, ...lines] = log.toString('utf8').split(/(?<=\n)/);
    const orders = [
      [1, 2, 3],
      [0, 2, 3],
      [0, 0, 1],
      [0, 2, 1, 3],
    ];
    for (const order of orders) {
      const text = [opening, ...order.map((index) => lines[index])].join('');
      expect(() => decodeLog(Buffer.from(text))).toThrow(corrupt);
    }
  });

  test('ends before a commit of which a power failure has kept one end without the other', () => {
    const { log, start } = withLastCommit(1500);
    const blocks = [
      start,
      ...[1, 2, 3, 4].map((block) => block * 512).filter((at) => at > start),
      log.length,
    ];
    expect(blocks.length).toBeGreaterThan(4);
    for (const [index, from] of blocks.entries()) {
      for (const to of blocks.slice(index + 1)) {
        const holed = Buffer.from(log).fill(0, from, to);
        expect(decodeLog(holed)).toMatchObject({ bytes: start, snapshot: { version: 0 } });
        // And what was not written to its end either.
        const cut = holed.subarray(0, to);
        expect(decodeLog(cut)).toMatchObject({ bytes: start, snapshot: { version: 0 } });
      }
    }
    for (const length of [1, 7, 8, 4096]) {
      const grown = Buffer.concat([log, Buffer.alloc(length)]);
      expect(decodeLog(grown)).toMatchObject({ bytes: log.length, snapshot: { version: 1 } });
    }
  });

  test('of which a byte is NUL in the last commit, or many that are not all of a block, is corrupt', () => {
    const { log, start } = withLastCommit(1500);
    for (let at = start; at < log.length; at += 1) {
      const changed = Buffer.from(log).fill(0, at, at + 1);
      expect(() => decodeLog(changed)).toThrow(corrupt);
    }
    for (const [from, to] of [
      [start, 511],
      [start + 1, 512],
      [513, 1024],
      [1025, 2047],
      [log.length - 8, log.length],
    ]) {
      expect(() => decodeLog(Buffer.from(log).fill(0, from, to))).toThrow(corrupt);
    }
  });

  test('of another format is refused as that', () => {
    const { log } = written({ snapshot: { header: '', version: 0, records: [] }, commits: [] });
    const text = log.toString('utf8').slice(log.indexOf('{')).trimEnd();
    const later = encodeLine(text.replace('log/1', 'log/2'));
    expect(() => decodeLog(later)).toThrow(expect.objectContaining({ code: 'STATE_OF_OTHER_VERSION' }));
  });
});
