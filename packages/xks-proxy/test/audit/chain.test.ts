import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openChain } from '../../src/audit/chain.ts';
import { parseAuditLine } from '../../src/audit/record.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

const records = (count: number) =>
  Array.from({ length: count }, (_, number) => ({ event: 'request', number }));
const write = async (directory: string, count: number, maxFileBytes = 1 << 20) => {
  const chain = await openChain({ directory, chain: 'audit', maxFileBytes });
  for (const record of records(count)) await chain.append([record]);
  await chain.sync();
  await chain.close();
  return chain.head;
};
const report = async (directory: string) => (await verifyAudit([directory]))[0];
const lines = (directory: string, file: string) => readFileSync(join(directory, file), 'utf8').split('\n');

/** What all open files share. */
async function fileHandles(): Promise<Handles> {
  const probe = await open(temporaryFolder());
  const handles: unknown = Object.getPrototypeOf(probe);
  await probe.close();
  return areHandles(handles) ? handles : expect.unreachable();
}
interface Handles {
  sync(): Promise<void>;
  appendFile(text: Uint8Array): Promise<void>;
}
const areHandles = (value: unknown): value is Handles =>
  typeof value === 'object' && value !== null && 'sync' in value && 'appendFile' in value;

afterEach(() => void vi.useRealTimers());

describe('a chain', () => {
  it('goes on where it ended, in files for the owner alone', async () => {
    const directory = join(temporaryFolder(), 'audit');
    await write(directory, 3);
    const head = await write(directory, 2);
    expect(head.sequence).toBe(5);
    expect(await report(directory)).toMatchObject({ files: 1, records: 5, head, findings: [] });
    expect(statSync(join(directory, 'audit-00000001.jsonl')).mode & 0o777).toBe(0o600);
  });

  it('begins another file when one is full, and that file names the last hash of the one before', async () => {
    const directory = temporaryFolder();
    const head = await write(directory, 20, 1000);
    expect(readdirSync(directory).length).toBeGreaterThan(3);
    const last = lines(directory, 'audit-00000001.jsonl').at(-2) ?? '';
    const first = lines(directory, 'audit-00000002.jsonl')[0] ?? '';
    const { hash } = parseAuditLine(Buffer.from(last)) ?? expect.unreachable();
    expect(JSON.parse(first)).toMatchObject({ previous: hash });
    expect(await report(directory)).toMatchObject({ records: 20, head, findings: [] });
  });

  it('begins another file on another day, also when it is opened then', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime('2026-11-20T23:59:59Z');
    const directory = temporaryFolder();
    const chain = await openChain({ directory, chain: 'audit', maxFileBytes: 1 << 20 });
    await chain.append([{ time: new Date().toISOString() }]);
    vi.setSystemTime('2026-11-21T00:00:00Z');
    await chain.append([{ time: new Date().toISOString() }]);
    await chain.close();
    vi.setSystemTime('2026-11-22T00:00:00Z');
    await write(directory, 1);
    expect(readdirSync(directory)).toHaveLength(3);
    expect(await report(directory)).toMatchObject({ records: 3, findings: [] });
  });

  it('cuts off what a crash left of a line, and says so in a record', async () => {
    const directory = temporaryFolder();
    await write(directory, 3);
    const file = join(directory, 'audit-00000001.jsonl');
    truncateSync(file, statSync(file).size - 10);
    await write(directory, 1);
    expect(lines(directory, 'audit-00000001.jsonl')[2]).toMatch(/"event":"recovered".*"truncatedBytes":\d+/);
    expect(await report(directory)).toMatchObject({ records: 4, findings: [] });
  });

  it('reads a long end that a crash left, such as zeros, once, and cuts it off', async () => {
    const directory = temporaryFolder();
    await write(directory, 3);
    appendFileSync(join(directory, 'audit-00000001.jsonl'), Buffer.alloc(4 << 20));
    const joined = vi.spyOn(Buffer, 'concat');
    onTestFinished(() => joined.mockRestore());
    await write(directory, 0);
    const copied = joined.mock.results.map(({ value }) => (Buffer.isBuffer(value) ? value.length : 0));
    expect(copied.reduce((sum, length) => sum + length, 0)).toBeLessThan(5 << 20);
    await write(directory, 1);
    expect(lines(directory, 'audit-00000001.jsonl')[3]).toContain(`"truncatedBytes":${4 << 20}`);
    expect(await report(directory)).toMatchObject({ records: 5, findings: [] });
  });

  it('goes on after a crash between a new file and its first record', async () => {
    const directory = temporaryFolder();
    const before = await write(directory, 2);
    writeFileSync(join(directory, 'audit-00000002.jsonl'), '{"half');
    await write(directory, 1);
    const first = lines(directory, 'audit-00000002.jsonl')[0] ?? '';
    expect(JSON.parse(first)).toMatchObject({ event: 'recovered', previous: before.hash });
    expect(await report(directory)).toMatchObject({ records: 4, findings: [] });
  });

  it('is not continued when its last record is damaged', async () => {
    const directory = temporaryFolder();
    await write(directory, 2);
    appendFileSync(join(directory, 'audit-00000001.jsonl'), '{"event":"forged"}\n');
    await expect(write(directory, 1)).rejects.toThrow('damaged');
  });

  it('is not continued by a process that another one got ahead of', async () => {
    const directory = temporaryFolder();
    const first = await openChain({ directory, chain: 'audit', maxFileBytes: 1 << 20 });
    await write(directory, 1);
    await expect(first.append(records(1))).rejects.toThrow('another process');
    await first.close();
    expect(await report(directory)).toMatchObject({ records: 1, findings: [] });
  });

  it('is continued by one at most of two that write at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const directory = temporaryFolder();
      const options = { directory, chain: 'audit', maxFileBytes: 1 << 20 };
      const chains = [await openChain(options), await openChain(options)];
      for (const _call of [1, 2, 3]) {
        const answers = await Promise.allSettled(chains.map((chain) => chain.append(records(1))));
        expect(answers.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
      }
      for (const chain of chains) await chain.close();
    }
  });

  it('is not continued while its end is missing, and is again when that is back', async () => {
    const directory = temporaryFolder();
    const chain = await openChain({ directory, chain: 'audit', maxFileBytes: 1 << 20 });
    for (const record of records(4)) await chain.append([record]);
    const intact = readFileSync(chain.file, 'utf8');
    for (const kept of [0, 1, 3]) {
      writeFileSync(
        chain.file,
        intact
          .split(/(?<=\n)/)
          .slice(0, kept)
          .join(''),
      );
      await expect(chain.append(records(1))).rejects.toThrow(/another process|as it was left/);
      await expect(chain.append(records(1))).rejects.toThrow('not as it was left');
    }
    rmSync(chain.file);
    await expect(chain.append(records(1))).rejects.toMatchObject({ code: 'ENOENT' });
    writeFileSync(chain.file, intact);
    await chain.append(records(1));
    await chain.close();
    expect(await report(directory)).toMatchObject({ records: 5, head: chain.head, findings: [] });
  });

  it('is not continued in a file that was moved, whatever is there instead, and is again when that is back', async () => {
    const directory = temporaryFolder();
    const elsewhere = join(temporaryFolder(), 'moved.jsonl');
    const chain = await openChain({ directory, chain: 'audit', maxFileBytes: 1 << 20 });
    await chain.append(records(1));
    renameSync(chain.file, elsewhere);
    const before = readFileSync(elsewhere);
    await expect(chain.append(records(1))).rejects.toMatchObject({ code: 'ENOENT' });
    writeFileSync(chain.file, '');
    await expect(chain.append(records(1))).rejects.toThrow('not as it was left');
    copyFileSync(elsewhere, chain.file);
    await chain.append(records(1));
    expect(readFileSync(elsewhere)).toEqual(before);
    await chain.close();
    expect(await report(directory)).toMatchObject({ records: 2, head: chain.head, findings: [] });
  });

  it('is not continued in a file that is moved between the last look at it and the write', async () => {
    const handles = await fileHandles();
    const chain = await openChain({ directory: temporaryFolder(), chain: 'audit', maxFileBytes: 1 << 20 });
    const writing = vi.spyOn(handles, 'appendFile');
    onTestFinished(() => writing.mockRestore());
    writing.mockImplementationOnce(async (text) => {
      appendFileSync(chain.file, text);
      renameSync(chain.file, join(temporaryFolder(), 'moved.jsonl'));
    });
    await expect(chain.append(records(1))).rejects.toMatchObject({ code: 'ENOENT' });
    await chain.close();
    expect(chain.head.sequence).toBe(0);
  });

  it('is not touched by who opens it and writes nothing', async () => {
    const directory = temporaryFolder();
    await write(directory, 2);
    const file = join(directory, 'audit-00000001.jsonl');
    appendFileSync(file, '{"half');
    const before = readFileSync(file);
    await write(directory, 0);
    expect(readFileSync(file)).toEqual(before);
  });

  it.each<[title: string, lost: (names: readonly string[]) => readonly string[]]>([
    ['the one before it is gone', (names) => names.slice(-2, -1)],
    ['the one before it is not the one with the number before', (names) => names.slice(1, -1)],
    ['those before it are gone', (names) => names.slice(0, -1)],
  ])('does not go on in an empty file when %s', async (_title, lost) => {
    const directory = temporaryFolder();
    await write(directory, 24, 1000);
    const names = readdirSync(directory).sort();
    expect(names.length).toBeGreaterThan(3);
    for (const name of lost(names)) rmSync(join(directory, name));
    writeFileSync(join(directory, names.at(-1) ?? ''), '');
    await expect(write(directory, 1)).rejects.toThrow('missing');
  });

  it('does not begin anew in files that were emptied, be it all or only the last two', async () => {
    const directory = temporaryFolder();
    await write(directory, 24, 1000);
    const names = readdirSync(directory).sort();
    for (const name of names.slice(-2)) writeFileSync(join(directory, name), '');
    await expect(write(directory, 1)).rejects.toThrow('missing');
    for (const name of names) writeFileSync(join(directory, name), '');
    await expect(write(directory, 1)).rejects.toThrow('missing');
  });

  it('goes on behind what is left when its first files were moved away, also in a new file that is empty', async () => {
    const directory = temporaryFolder();
    const archived = await write(directory, 24, 1000);
    const names = readdirSync(directory).sort();
    for (const name of names.slice(0, -1)) rmSync(join(directory, name));
    const [last = ''] = names.slice(-1);
    const [first = ''] = lines(directory, last);
    const { previous } = parseAuditLine(Buffer.from(first)) ?? expect.unreachable();
    const next = last.replace(/\d+/, (number) => String(Number(number) + 1).padStart(8, '0'));
    writeFileSync(join(directory, next), '');
    const head = await write(directory, 2);
    expect(head.sequence).toBe(archived.sequence + 2);
    expect(lines(directory, next)).toHaveLength(3);
    expect((await verifyAudit([directory], { after: previous }))[0]).toMatchObject({ head, findings: [] });
  });

  it('holds no endless line in memory, and goes on behind one only if a record follows it', async () => {
    const directory = temporaryFolder();
    const { sequence } = await write(directory, 2);
    const file = join(directory, 'audit-00000001.jsonl');
    const [first = '', second = ''] = lines(directory, 'audit-00000001.jsonl');
    const joined = vi.spyOn(Buffer, 'concat');
    onTestFinished(() => joined.mockRestore());
    truncateSync(file, 80 << 20);
    await expect(write(directory, 1)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    appendFileSync(file, '\n');
    await expect(write(directory, 1)).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    writeFileSync(file, `${first}\n`);
    truncateSync(file, 80 << 20);
    appendFileSync(file, `\n${second}\n`);
    await expect(write(directory, 1)).resolves.toMatchObject({ sequence: sequence + 1 });
    const copied = joined.mock.results.map(({ value }) => (Buffer.isBuffer(value) ? value.length : 0));
    expect(copied.reduce((sum, length) => sum + length, 0)).toBeLessThan(1 << 20);
  });

  it('begins with its first file wherever there is none of its name, and in one that was left empty', async () => {
    const directory = temporaryFolder();
    for (const count of [0, 1]) await write(directory, count);
    expect(await report(directory)).toMatchObject({ files: 1, records: 1, findings: [] });
    rmSync(join(directory, 'audit-00000001.jsonl'));
    await write(directory, 2);
    expect(await report(directory)).toMatchObject({ files: 1, records: 2, findings: [] });
  });

  it('has the names of its files on the disk as well as their content', async () => {
    const folders = vi.spyOn(await fileHandles(), 'sync');
    onTestFinished(() => folders.mockRestore());
    const chain = await openChain({ directory: temporaryFolder(), chain: 'audit', maxFileBytes: 1 });
    for (const file of [1, 2, 3]) {
      await chain.append(records(1));
      await chain.sync();
      await chain.sync();
      expect(folders).toHaveBeenCalledTimes(file);
    }
    await chain.close();
  });

  it('keeps to itself beside others in one directory', async () => {
    const directory = temporaryFolder();
    await write(directory, 2);
    const other = await openChain({ directory, chain: 'audit-2', maxFileBytes: 1 << 20 });
    await other.append(records(1));
    await other.close();
    const reports = await verifyAudit([directory]);
    expect(reports.map(({ chain, records, findings }) => [chain, records, findings])).toEqual([
      ['audit', 2, []],
      ['audit-2', 1, []],
    ]);
  });
});
