import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createLocalKms } from '@holdfast/local-kms';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

const PAGES = ['access', 'audit'].map((name) => readFileSync(`packages/local-kms/docs/${name}.md`, 'utf8'));
const document = PAGES.join('\n');
const MAIN = 'packages/local-kms/dist/cli/main.js';

/** Runs a command of the pages, its lines joined, in a folder with their files. */
async function run(folder: string, command: string): Promise<string> {
  const program = `"${process.execPath}" "${resolve(MAIN)}"`;
  const { stdout } = await promisify(execFile)('sh', ['-c', command.replace(`node ${MAIN}`, program)], {
    cwd: folder,
  });
  return stdout;
}

/** The command with these words, and what stands below it. */
function session(words: string): { readonly command: string; readonly output: string } {
  for (const [, block = ''] of document.matchAll(/^```console\n([^]*?)^```$/gm)) {
    const [, command = '', output = ''] = /^\$ ((?:.*\\\n)*.*)\n([^]*)$/.exec(block) ?? [];
    if (command.includes(`main.js ${words}`)) return { command, output };
  }
  return expect.unreachable();
}

function folderOfFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'local-kms-pages-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [, name = '', text = ''] of document.matchAll(/^```yaml (\S+)\n([^]*?)^```$/gm)) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const policy = z.object({ Statement: z.array(z.object({ Sid: z.string() })) });

test('the pages of the local KMS show what explain prints', async () => {
  const { command, output } = session('explain');
  expect((await run(folderOfFiles(), command)).replaceAll('\t', '  ')).toBe(output);
});

test('the pages of the local KMS make a key policy that a key takes', async () => {
  const folder = folderOfFiles();
  await run(folder, session('policy new').command);
  const made: unknown = JSON.parse(readFileSync(join(folder, 'policy.json'), 'utf8'));
  expect(policy.parse(made).Statement.map(({ Sid }) => Sid)).toEqual([
    'Enable IAM User Permissions',
    'Allow access for Key Administrators',
    'Allow use of the key',
    'Allow attachment of persistent resources',
  ]);
  const kms = createLocalKms({ seed: { keys: [{ policy: z.record(z.string(), z.unknown()).parse(made) }] } });
  await expect(kms.reset()).resolves.toBeUndefined();
});

test('the pages of the local KMS find events in an audit file', async () => {
  const folder = folderOfFiles();
  const key = 'arn:aws:kms:us-east-1:000000000000:key/aaaaaaaa-0000-4000-8000-000000000000';
  const event = (eventTime: Date, ARN: string) => JSON.stringify({ eventTime, resources: [{ ARN }] });
  const found = event(new Date(), key);
  const old = event(new Date(Date.now() - 3_600_000), key);
  const lines = [old, event(new Date(), `${key}0`), found];
  writeFileSync(join(folder, 'audit.jsonl'), `${lines.join('\n')}\n`);
  expect(await run(folder, session('audit').command)).toBe(`${found}\n`);
});
