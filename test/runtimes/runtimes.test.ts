import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { bundle } from './bundle.ts';
import { contract, type Report } from './contract/contract.ts';
import { RUNTIMES } from './runtimes.ts';

/** What this Node found with the sources as they are, and what it wrote. */
let ours: Report;

beforeAll(async () => {
  const { messages } = await contract([]);
  ours = await contract(messages);
});

test.for(Object.entries(RUNTIMES))(
  'the contract holds on %s, and either opens what the other wrote',
  { timeout: 150_000 },
  async ([name, runtime], { skip }) => {
    const isMissing = !runtime.isInstalled();
    // In CI the set-up has installed all of them: there a missing one must not pass for one that works.
    skip(isMissing && process.env['CI'] !== 'true', `${name} is not installed (npm run test:runtimes)`);
    if (isMissing) expect.unreachable(`${name} is not installed`);

    const folder = mkdtempSync(join(tmpdir(), 'holdfast-runtime-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [module] = (await bundle(moduleText(ours), runtime.conditions)).files;
    writeFileSync(join(folder, 'contract.mjs'), module ?? expect.unreachable());

    const theirs = reportIn(await runtime.run(folder));
    expect(theirs.held).toBe(ours.held);
    await expect(contract(theirs.messages)).resolves.toMatchObject({ held: ours.held });
  },
);

function moduleText({ messages }: Report): string {
  return `
import { contract } from './contract/contract.ts';
export const report = () =>
  contract(${JSON.stringify(messages)}).then(JSON.stringify, (error) => String(error.stack));
`;
}

function reportIn(text: string): Report {
  try {
    return z.object({ held: z.int(), messages: z.array(message) }).parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`this is no report: ${text.slice(0, 2000)}`, { cause });
  }
}

const message = z.object({ base64: z.string(), plaintext: z.string() });
