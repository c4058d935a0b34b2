import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { verifyAudit } from '../../src/audit/verify.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';
import { startServeProcess } from '../fixtures/serve-process.ts';

it('a process that takes the place of one that was killed goes on with its chain, and no other one does', async () => {
  const files = await writeTestConfig();
  appendFileSync(files.configFile, '\n[audit]\ndirectory = "audit"\nrequired = true\n');
  const served = startServeProcess(files, '--workers', '1');
  onTestFinished(async () => {
    served.kill('SIGTERM');
    await served.exit;
    files.dispose();
  });
  await served.listening(1);
  const second = startServeProcess(files, '--workers', '1');
  await expect(second.exit).resolves.toBe(1);
  const [{ pid } = {}] = served.events('worker-started');
  process.kill(Number(pid), 'SIGKILL');
  await served.listening(2);
  // On a busy machine the first requests of a process may not be recorded in time, and are refused for that.
  await expect.poll(() => served.encrypt()).toMatchObject({ status: 200 });
  served.kill('SIGTERM');
  await expect(served.exit).resolves.toBe(0);
  const reports = await verifyAudit([join(files.directory, 'audit')]);
  expect(reports).toMatchObject([{ chain: 'audit.w1', findings: [] }]);
  // Two starts, a request and a stop.
  expect(reports[0]?.records).toBeGreaterThanOrEqual(4);
}, 60_000);
