import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findModule } from '@holdfast/pkcs11/testing';
import { isRunning } from '@holdfast/testbed/process-state';
import { expect, onTestFinished, test } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../tools/vitest/runs-typescript.ts';

test.skipIf(findModule() === undefined)(
  'a soak that is stopped by a signal leaves no proxy behind, and none of its keys and secrets',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-soak-'));
    const soak = spawn(process.execPath, [RUNS_TYPESCRIPT, 'test/load/soak.ts'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => {
      soak.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
    const printed = String((await once(soak.stdout, 'data'))[0]);
    const proxy = Number(/^proxy (\d+)/.exec(printed)?.[1] ?? expect.unreachable(printed));
    onTestFinished(() => {
      if (isRunning(proxy)) process.kill(proxy, 'SIGKILL');
    });
    expect(readdirSync(folder)).not.toEqual([]);
    soak.kill('SIGTERM');
    expect(await once(soak, 'close')).toEqual([143, null]);
    // A process that was killed is gone soon, not at once.
    await expect.poll(() => isRunning(proxy)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  },
);
