import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../src/operations/index.ts';
import { EFFECTS, type Effect } from '../fixtures/effects.ts';
import { startTestProxy, type TestProxy } from '../fixtures/proxy.ts';
import { type RunningKms, runKms, stateIn } from '../fixtures/state.ts';

interface Seen {
  readonly see: Effect['see'];
  readonly before: unknown;
  readonly after: unknown;
}

const folder = mkdtempSync(join(tmpdir(), 'local-kms-'));
const seen = new Map<string, Seen>();
let proxy: TestProxy;
let kms: RunningKms;

const run = () =>
  runKms({
    state: stateIn(folder),
    xksHosts: { [proxy.host]: proxy.address },
    xksCertificateAuthorities: proxy.certificate,
    xksTimeoutMs: 10_000,
  });

beforeAll(async () => {
  proxy = await startTestProxy();
  kms = await run();
  for (const [operation, prepare] of Object.entries(EFFECTS)) {
    const { act, see } = await prepare(kms, proxy);
    const before = await see(kms);
    await act();
    seen.set(operation, { see, before, after: await see(kms) });
  }
  // What one operation has done, a later one may have changed.
  for (const [operation, { see, before }] of seen)
    seen.set(operation, { see, before, after: await see(kms) });
  await kms.stop();
  kms = await run();
}, 180_000);

afterAll(async () => {
  await kms.stop();
  await proxy.close();
  rmSync(folder, { recursive: true });
});

describe('what an operation has done is there after a restart', () => {
  test.each(Object.keys(EFFECTS))('%s', async (operation) => {
    const { see, before, after } = seen.get(operation) ?? {};
    expect(after).not.toEqual(before);
    expect(await see?.(kms)).toEqual(after);
  });

  test('which is tested of every operation that changes something', () => {
    const readOnly =
      /^(Decapsulate|Decrypt|Derive.*|Describe.*|Encapsulate|Encrypt|Generate.*|Get.*|List.*|ReEncrypt|Sign|Verify.*)$/;
    const changing = [...OPERATIONS.keys()].filter((name) => !readOnly.test(name));
    expect(changing.sort()).toEqual(Object.keys(EFFECTS).sort());
  });

  test('and nothing that could be read of it in the folder', () => {
    const log = readFileSync(join(folder, 'state-1.log'), 'latin1');
    for (const text of ['nightly', 'of March', 'new ☃', 'aSecretOfTheTests', 'kms:*']) {
      expect(log).not.toContain(text);
    }
  });
});
