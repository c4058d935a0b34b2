import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openChain } from '../../src/audit/chain.ts';
import { auditLine, CHAIN_START, type ChainHead, parseAuditLine } from '../../src/audit/record.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

/** A trail of twelve records in files of three or so. */
async function trail(directory: string) {
  const chain = await openChain({ directory, chain: 'audit', maxFileBytes: 700 });
  for (let number = 0; number < 12; number += 1) await chain.append([{ event: 'request', number }]);
  await chain.close();
  return chain.head;
}
const files = (directory: string) =>
  readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));
const head = (record: ChainHead | undefined) => ({ sequence: record?.sequence, hash: record?.hash });
const findings = async (paths: readonly string[], options = {}) =>
  (await verifyAudit(paths, options)).flatMap((report) => report.findings);
/** Changes the lines of one file. */
const edit = (directory: string, index: number, change: (lines: string[]) => string[]) => {
  const file = files(directory)[index] ?? '';
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  writeFileSync(
    file,
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
  return file;
};

describe('the verification of a trail', () => {
  it('finds nothing in one that is whole', async () => {
    const directory = temporaryFolder();
    const head = await trail(directory);
    const [report] = await verifyAudit([directory], { heads: [head.hash] });
    expect(report).toMatchObject({ records: 12, head, findings: [] });
    expect(report?.files).toBeGreaterThan(2);
    await expect(findings(files(directory))).resolves.toEqual([]);
  });

  it('reads a file once, by whatever ways it is given', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const link = `${directory}-link`;
    symlinkSync(directory, link);
    onTestFinished(() => rmSync(link));
    const [first = '', ...others] = files(directory);
    const ways = [directory, `${directory}/`, relative('.', directory), link, first];
    await expect(verifyAudit(ways)).resolves.toMatchObject([{ records: 12, findings: [] }]);
    await expect(
      verifyAudit([`${directory}/../${basename(directory)}/${basename(first)}`, ...others]),
    ).resolves.toHaveLength(1);
  });

  it('names the place of a changed line', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const file = edit(directory, 1, ([first = '', ...rest]) => [
      first.replace('request', 'Request'),
      ...rest,
    ]);
    await expect(findings([directory])).resolves.toEqual([{ problem: 'changed', file, line: 1 }]);
  });

  it('names the places of lines that were removed, moved and replaced by others of their kind', async () => {
    for (const [change, expected] of [
      [([a = '', , ...rest]: string[]) => [a, ...rest], ['records-missing']],
      [
        ([a = '', b = '', ...rest]: string[]) => [b, a, ...rest],
        ['records-missing', 'out-of-order', 'records-missing'],
      ],
      [([a = '', ...rest]: string[]) => [a, a, ...rest], ['out-of-order']],
    ] as const) {
      const directory = temporaryFolder();
      await trail(directory);
      edit(directory, 1, change);
      const found = await findings([directory]);
      expect(found.map(({ problem }) => problem)).toEqual(expected);
    }
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    await trail(one);
    const chain = await openChain({ directory: two, chain: 'audit', maxFileBytes: 700 });
    for (let number = 0; number < 12; number += 1) await chain.append([{ event: 'forged', number }]);
    await chain.close();
    writeFileSync(files(one)[1] ?? '', readFileSync(files(two)[1] ?? ''));
    expect((await findings([one])).map(({ problem }) => problem)).toContain('replaced');
  });

  it('misses a file in the middle, and one at the beginning unless its last hash is known', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const [first = '', second = ''] = files(directory);
    const [before] = await verifyAudit([first]);
    rmSync(first);
    expect(await findings([directory])).toMatchObject([{ problem: 'records-missing', line: 1 }]);
    await expect(findings([directory], { after: before?.head.hash })).resolves.toEqual([]);
    expect(await findings([directory], { after: 'f'.repeat(64) })).toMatchObject([
      { problem: 'records-missing' },
    ]);
    rmSync(second);
    expect(await findings([directory], { after: before?.head.hash })).toHaveLength(1);
  });

  it('misses what was before a chain that begins anew in a later file', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const [first = '', second = '', ...others] = files(directory);
    for (const file of others) rmSync(file);
    renameSync(first, second);
    expect(await findings([directory])).toMatchObject([{ problem: 'records-missing', line: 1 }]);
  });

  it('misses files in the middle by their numbers, whatever the records behind them say', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const [first = '', ...others] = files(directory);
    const last = others.at(-1) ?? '';
    for (const path of others) rmSync(path);
    // What a proxy has written there that was let go on after the last record that is left.
    writeFileSync(last, '');
    await expect(findings([directory])).resolves.toEqual([
      { problem: 'records-missing', file: last, line: 1 },
    ]);
    const [before] = await verifyAudit([first]);
    const { line } = auditLine({ event: 'request' }, before?.head ?? CHAIN_START);
    writeFileSync(last, `${line}\n`);
    await expect(findings([directory])).resolves.toEqual([
      { problem: 'records-missing', file: last, line: 1 },
    ]);
  });

  it('misses the records of every file that was emptied, but for the last one', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const paths = files(directory);
    writeFileSync(paths.at(-1) ?? '', '');
    await expect(findings([directory])).resolves.toEqual([]);
    for (const path of paths) writeFileSync(path, '');
    await expect(findings([directory])).resolves.toEqual(
      paths.slice(0, -1).map((file) => ({ problem: 'records-missing', file, line: 1 })),
    );
  });

  it('looks for the hashes of known records in all chains, and for what comes before in one alone', async () => {
    const directory = temporaryFolder();
    const { hash } = await trail(directory);
    const other = await openChain({ directory, chain: 'other', maxFileBytes: 700 });
    await other.append([{ event: 'request' }]);
    await other.close();
    await expect(findings([directory], { heads: [hash] })).resolves.toEqual([]);
    await expect(findings([directory], { heads: [other.head.hash, hash] })).resolves.toEqual([]);
    expect(await findings([directory], { heads: [hash, 'f'.repeat(64)] })).toMatchObject([
      { problem: 'head-missing', head: 'f'.repeat(64) },
      { problem: 'head-missing', head: 'f'.repeat(64) },
    ]);
    await expect(findings([directory], { after: hash })).rejects.toThrow(RangeError);
  });

  it('misses the end, when the hash of a later record is known', async () => {
    const directory = temporaryFolder();
    const { hash } = await trail(directory);
    edit(directory, files(directory).length - 1, (lines) => lines.slice(0, -1));
    expect(await findings([directory], { heads: [hash] })).toMatchObject([{ problem: 'head-missing' }]);
  });

  it('tells how many records follow one that is known, and finds those that were added behind the last one', async () => {
    const directory = temporaryFolder();
    const last = await trail(directory);
    const middle = parseAuditLine(
      Buffer.from(readFileSync(files(directory)[1] ?? '', 'utf8').split('\n')[0] ?? ''),
    );
    const options = { heads: [middle?.hash ?? ''], last: [last.hash] };
    const follow = 12 - (middle?.sequence ?? 0);
    expect(await verifyAudit([directory], options)).toMatchObject([
      {
        findings: [],
        known: [
          { ...head(middle), followedBy: follow },
          { ...last, followedBy: 0 },
        ],
      },
    ]);
    const file = files(directory).at(-1) ?? '';
    const forged = auditLine({ event: 'forged' }, last);
    appendFileSync(file, `${forged.line}\n${auditLine({ event: 'forged' }, forged.head).line}\n`);
    const line = readFileSync(file, 'utf8').split('\n').length - 2;
    expect(await verifyAudit([directory], options)).toMatchObject([
      {
        findings: [{ problem: 'added', file, line, head: last.hash }],
        known: [{ followedBy: follow + 2 }, { followedBy: 2 }],
      },
    ]);
    expect(await findings([directory], { last: ['f'.repeat(64)] })).toMatchObject([
      { problem: 'head-missing' },
    ]);
  });

  it('knows the record before the first one, when its hash is given', async () => {
    const directory = temporaryFolder();
    const { hash } = await trail(directory);
    const [paths, maxFileBytes] = [files(directory), 1];
    const chain = await openChain({ directory, chain: 'audit', maxFileBytes });
    await chain.append([{ event: 'started' }]);
    await chain.close();
    for (const path of paths) rmSync(path);
    const known = [{ hash, followedBy: 1 }];
    expect(await verifyAudit([directory], { after: hash, heads: [hash] })).toMatchObject([
      { findings: [], known },
    ]);
    const [file = ''] = files(directory);
    expect(await verifyAudit([directory], { after: hash, last: [hash] })).toMatchObject([
      { findings: [{ problem: 'added', file, line: 1, head: hash }], known },
    ]);
    writeFileSync(file, '');
    expect(await verifyAudit([directory], { after: hash, last: [hash] })).toMatchObject([
      { findings: [], known: [{ hash, followedBy: 0 }], head: { hash } },
    ]);
    await expect(findings([directory], { after: hash, heads: ['f'.repeat(64)] })).resolves.toMatchObject([
      { problem: 'head-missing', file, line: 1 },
    ]);
  });

  it('knows the beginning of a chain by the hash that a log has before the first record', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const { hash } = CHAIN_START;
    expect(await verifyAudit([directory], { heads: [hash] })).toMatchObject([
      { findings: [], known: [{ hash, sequence: 0, followedBy: 12 }] },
    ]);
    expect(await findings([directory], { last: [hash] })).toMatchObject([{ problem: 'added', line: 1 }]);
  });

  it('reads files that are given one by one as one chain, in whatever folders they are', async () => {
    const [archive, directory] = [temporaryFolder(), temporaryFolder()];
    const head = await trail(directory);
    const [first = '', ...others] = files(directory);
    const archived = join(archive, basename(first));
    renameSync(first, archived);
    expect(await verifyAudit([...others, archived])).toMatchObject([{ records: 12, head, findings: [] }]);
    rmSync(others[0] ?? '');
    expect(await findings([archived, ...others.slice(1)])).toMatchObject([{ problem: 'records-missing' }]);
  });

  it('does not mix files of several trails whose chains have one name', async () => {
    const folders = [temporaryFolder(), temporaryFolder()];
    for (const folder of folders) await trail(folder);
    const whole = { records: 12, findings: [] };
    expect(await verifyAudit(folders)).toMatchObject([whole, whole]);
    expect(await verifyAudit(folders.flatMap(files))).toMatchObject([whole, whole]);
    const [one = '', other = ''] = folders;
    // Each folder that is given is a trail of its own, whatever another one could add to it.
    for (const file of files(one).slice(1)) rmSync(file);
    for (const file of files(other).slice(0, 1)) rmSync(file);
    expect(await findings(folders)).toMatchObject([{ problem: 'records-missing' }]);
  });

  it('finds whatever is done to the bytes of a trail', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-xks-'));
    try {
      const { hash } = await trail(directory);
      const originals = files(directory).map((file) => readFileSync(file));
      const tampering = fc.record({
        file: fc.nat(originals.length - 1),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        cut: fc.nat(400),
        put: fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.constant(Buffer.from('\n'))),
      });
      await fc.assert(
        fc.asyncProperty(tampering, async ({ file, at, cut, put }) => {
          const original = originals[file] ?? Buffer.alloc(0);
          const place = Math.floor(at * original.length);
          const changed = Buffer.concat([original.subarray(0, place), put, original.subarray(place + cut)]);
          fc.pre(!changed.equals(original));
          const path = files(directory)[file] ?? '';
          writeFileSync(path, changed);
          try {
            await expect(findings([directory], { heads: [hash] })).resolves.not.toEqual([]);
          } finally {
            writeFileSync(path, original);
          }
        }),
        { numRuns: 400 },
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('takes a line of any length for what it is, and no memory for it', async () => {
    const directory = temporaryFolder();
    await trail(directory);
    const file = files(directory).at(-1) ?? '';
    const line = readFileSync(file, 'utf8').split('\n').length;
    appendFileSync(file, Buffer.alloc(4 << 20));
    const joined = vi.spyOn(Buffer, 'concat');
    onTestFinished(() => joined.mockRestore());
    await expect(findings([directory])).resolves.toEqual([{ problem: 'cut-off', file, line }]);
    appendFileSync(file, '\n');
    await expect(findings([directory])).resolves.toEqual([{ problem: 'changed', file, line }]);
    const copied = joined.mock.results.map(({ value }) => (Buffer.isBuffer(value) ? value.length : 0));
    expect(copied.reduce((sum, length) => sum + length, 0)).toBeLessThan(1 << 20);
  });

  it('refuses a path that is no trail', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'notes.txt'), '');
    for (const name of ['notes.txt', 'nothing', 'notes.txt/below'])
      await expect(verifyAudit([join(directory, name)])).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
  });
});
