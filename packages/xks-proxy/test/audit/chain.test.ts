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
    expect(await report(directory)).toEqual({ chain: 'audit', files: 1, records: 5, head, findings: [] });
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

  it('does not begin anew in an empty file when those before it are gone', async () => {
    const directory = temporaryFolder();
    await write(directory, 12, 1000);
    const last = readdirSync(directory).sort().at(-1) ?? '';
    for (const name of readdirSync(directory)) rmSync(join(directory, name));
    writeFileSync(join(directory, last), '');
    await expect(write(directory, 1)).rejects.toThrow('missing');
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
