import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../../tools/vitest/runs-typescript.ts';
import { openChain } from '../../src/audit/chain.ts';
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

describe('doctor', () => {
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
