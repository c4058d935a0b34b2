import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalKms } from '@holdfast/local-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startControl } from '../../packages/local-kms/src/control.ts';
import { missing, output } from '../../packages/local-kms/test/fixtures/programs.ts';

const README = readFileSync('packages/local-kms/README.md', 'utf8');
const PAGE = readFileSync('packages/local-kms/docs/endpoint.md', 'utf8');
const ORDER = 'an order';

/** The first block of code in a language below a heading. */
function block(document: string, heading: string, language: string): string {
  const [, section = ''] = document.split(`\n## ${heading}\n`);
  const [, code = ''] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(section) ?? [];
  expect(code).not.toBe('');
  return code;
}

/** What stands behind the prompts of a session in a console, with other endpoints. */
function commands(session: string, urls: Readonly<Record<string, string>>): string {
  const script = session.replace(/^\$ /gm, '');
  return Object.entries(urls).reduce((text, [shown, url]) => text.replaceAll(shown, url), script);
}

async function startKms() {
  const kms = createLocalKms({ seed: { keys: [{ aliases: ['alias/orders'] }] } });
  const listening = await kms.listen();
  onTestFinished(() => listening.close());
  const folder = mkdtempSync(join(tmpdir(), 'local-kms-endpoint-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'order.txt'), ORDER);
  return { kms, url: listening.url, folder };
}

describe('the documents of the local KMS', { timeout: 60_000 }, () => {
  const noCli = missing('aws', ['--version'], 'no AWS CLI: pip install awscli');
  test.skipIf(noCli !== '')(`show the AWS CLI how to encrypt and decrypt${noCli}`, async () => {
    const { url, folder } = await startKms();
    const session = commands(block(PAGE, 'AWS CLI and SDKs', 'console'), { 'http://127.0.0.1:4599': url });
    expect(await output('sh', ['-ec', `cd ${folder}\n${session}`], url)).toBe(ORDER);
  });

  const noBoto3 = missing('python3', ['-c', 'import boto3'], 'no boto3: pip install boto3');
  test.skipIf(noBoto3 !== '')(`show boto3 how to encrypt and decrypt${noBoto3}`, async () => {
    const { url, folder } = await startKms();
    writeFileSync(join(folder, 'order.py'), block(PAGE, 'AWS CLI and SDKs', 'python'));
    const session = commands(block(PAGE, 'AWS CLI and SDKs', 'console'), { 'http://127.0.0.1:4599': url });
    const environment = session.match(/^export .*$/gm)?.join('\n') ?? '';
    expect(await output('sh', ['-ec', `${environment}\ncd ${folder}\npython3 order.py`], url)).toBe(
      `${ORDER}\n`,
    );
  });

  test('show how to move the clock and to reset from outside', async () => {
    const { kms, url } = await startKms();
    const control = await startControl(kms, { port: 0, onError: () => undefined });
    onTestFinished(() => control.close());
    const post = async (path: string, session: string): Promise<number> => {
      const [, body = ''] = new RegExp(`${path} .* -d '(.*)'$`, 'm').exec(session) ?? [];
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`${control.url}${path}`, { method: 'POST', body, headers })).status;
    };
    const session = block(README, 'In tests', 'console');
    expect(session).toContain(`curl http://127.0.0.1:4600/clock -H 'content-type: application/json'`);
    expect(await post('/clock', session)).toBe(204);
    await fetch(url, { method: 'POST' });
    const [event] = kms.auditEvents();
    expect(Date.parse(event?.eventTime ?? '')).toBeGreaterThan(Date.now() + 7 * 86_400_000);
    expect(await post('/reset', session)).toBe(204);
    expect(kms.auditEvents()).toEqual([]);
  });
});
