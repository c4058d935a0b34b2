import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../../tools/vitest/runs-typescript.ts';
import { openChain } from '../../src/audit/chain.ts';
import { examineAudit } from '../../src/doctor/audit.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

/** A trail with a file for each record. */
async function trail(records: number): Promise<string> {
  const directory = temporaryFolder();
  const chain = await openChain({ directory, chain: 'audit', maxFileBytes: 1 });
  for (let record = 0; record < records; record += 1) await chain.append([{ event: 'request' }]);
  await chain.close();
  return directory;
}

/** What doctor finds as a user without rights; as the user of the tests where that is none with all rights. */
async function asNobody(directory: string): Promise<unknown> {
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = fork(PROGRAM, [directory], { execArgv: [RUNS_TYPESCRIPT], ...user });
  const messages: readonly unknown[] = await once(child, 'message');
  return messages[0];
}

async function findings(directory: string): Promise<readonly (readonly [code: string, text: string])[]> {
  const found: (readonly [code: string, text: string])[] = [];
  const audit = { directory, required: true, fsync: 'always', chain: 'audit', maxFileBytes: 1 } as const;
  await examineAudit({ audit }, (code, _subject, text) => void found.push([code, text]));
  return found;
}

describe('doctor', () => {
  it('says which start a broken chain concerns, since it does not know the number of processes', async () => {
    const directory = temporaryFolder();
    for (const chain of ['audit', 'audit.w7']) {
      writeFileSync(join(directory, `${chain}-00000001.jsonl`), '{"forged":true}\n');
    }
    expect(await findings(directory)).toEqual([
      ['audit-broken', expect.stringMatching(/^serve without --workers /)],
      ['audit-broken', expect.stringMatching(/^serve with --workers 7 or more /)],
    ]);
  });

  it('warns of files that were emptied or are missing before the newest one', async () => {
    const path = (directory: string, number: number) => join(directory, `audit-0000000${number}.jsonl`);
    const [emptied, removed, archived] = [await trail(4), await trail(4), await trail(4)];
    writeFileSync(path(emptied, 2), '');
    rmSync(path(removed, 3));
    rmSync(path(archived, 1));
    writeFileSync(path(archived, 5), '');
    expect(await findings(emptied)).toEqual([
      ['audit-incomplete', expect.stringContaining(path(emptied, 2))],
    ]);
    expect(await findings(removed)).toEqual([
      ['audit-incomplete', expect.stringContaining(path(removed, 4))],
    ]);
    expect(await findings(archived)).toEqual([]);
  });

  it('finds a newest file that the user of the proxy can read and not write', async () => {
    const directory = await trail(2);
    const [older, newest] = [1, 2].map((number) => join(directory, `audit-0000000${number}.jsonl`));
    for (const path of [directory, older ?? '', newest ?? '']) {
      if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
    }
    chmodSync(older ?? '', 0o444);
    expect(await asNobody(directory)).toEqual([]);
    chmodSync(newest ?? '', 0o444);
    expect(await asNobody(directory)).toEqual(['audit-unwritable']);
  });
});

const PROGRAM = fileURLToPath(new URL('../fixtures/audit-process.ts', import.meta.url));
const NOBODY = 65_534;
