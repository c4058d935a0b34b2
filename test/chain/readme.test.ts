import { readFileSync } from 'node:fs';
import { openModule } from '@holdfast/pkcs11';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Chain, startChain } from '../../examples/chain/chain.ts';
import { demonstrate } from '../../examples/chain/demonstration.ts';
import { createReport } from '../../examples/chain/report.ts';
import { SAMPLE_FILE } from '../../examples/chain/sample-file.ts';
import { outputOfProgram } from '../../tools/vitest/example-programs.ts';

const readme = readFileSync('README.md', 'utf8');
const programs = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code);

let chain: Chain;

beforeAll(async () => {
  chain = await startChain();
});
afterAll(async () => {
  await chain.close();
});

/** Runs a program of the README, with a user's environment: the local KMS in the place of AWS. */
function run(program: string): Promise<string> {
  return outputOfProgram(program, {
    AWS_ENDPOINT_URL_KMS: chain.kmsUrl,
    AWS_REGION: 'eu-north-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    KEY_ARN: chain.keyArn,
  });
}

test('the program for application developers prints what it encrypted and decrypted', async () => {
  expect(await run(programs[0] ?? '')).toBe('42 anchors\n');
});

test('the program for hybrid teams opens at home what it sealed in AWS', async () => {
  const token = temporaryToken({ label: 'archive' });
  onTestFinished(() => token.dispose());
  const module = openModule({ path: token.modulePath });
  module.openToken({ label: token.label, pin: token.pin }).generateAesKey({ label: 'archive-2026' });
  module.close();
  const before = `
    process.env['SOFTHSM2_CONF'] = ${JSON.stringify(token.environment.SOFTHSM2_CONF)};
    const modulePath = ${JSON.stringify(token.modulePath)};
    const pin = '${token.pin}';
    const keyArn = process.env['KEY_ARN'];
    const record = Uint8Array.of(1, 2, 3);`;
  const after = 'process.stdout.write(plaintext.join());';
  expect(await run([before, programs[1], after].join('\n'))).toBe('1,2,3');
});

test('the trace is what the demonstration prints, but for times, sizes and ids', async () => {
  const [, shown = ''] = /^```text\n([^]*?)^```$/m.exec(readme) ?? [];
  const printed: string[] = [];
  const report = createReport({ write: (text) => printed.push(text) });
  await demonstrate(chain, report, { name: 'orders.csv', plaintext: readFileSync(SAMPLE_FILE) });
  const lines = shapes(printed.join(''));
  const start = lines.findIndex((line) => line.includes('encrypt'));
  expect(shapes(shown)).toEqual(lines.slice(start, start + shapes(shown).length));
});

/** Lines without what differs from run to run. */
function shapes(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) =>
      line.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, 'id').replace(/ *\d[\d,.]*/g, ' 0'),
    );
}
