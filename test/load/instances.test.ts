import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findModule } from '@holdfast/pkcs11/testing';
import type { Outcome } from '@holdfast/testbed/load/connection';
import { closedLoop, count } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { loadSetting } from '@holdfast/testbed/load/setting';
import { isListening } from '@holdfast/testbed/ports';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CONNECTIONS, LOAD_MS } from './scale.ts';

const missing = !hasHaproxy();
const reason = missing ? ' (no HAProxy: install the package haproxy)' : '';

describe.skipIf(missing || findModule() === undefined)(
  `two instances behind a TCP load balancer${reason}`,
  () => {
    test('lose nothing but what is under way at the one that is killed', { timeout: 120_000 }, async () => {
      const setting = await loadSetting();
      onTestFinished(() => setting.dispose());
      const [first, second] = await Promise.all([setting.start(), setting.start()]);
      onTestFinished(async () => void (await Promise.all([first.stop(), second.stop()])));
      const port = await freePort();
      await startHaproxy(setting.directory, port, [first.endpoint.port, second.endpoint.port]);

      const endpoint = setting.endpoint(port);
      const next = requestPool([setting.encryptPath()], SMALL, setting.caller);
      const load = closedLoop(endpoint, next, { connections: CONNECTIONS, durationMs: 2 * LOAD_MS });
      await sleep(LOAD_MS);
      const served = answered(second.output);
      process.kill(first.pid, 'SIGKILL');
      const report = await load;
      // Each connection carries one request at a time.
      expect(count(report, 'lost')).toBeLessThanOrEqual(CONNECTIONS);
      // What has been killed still takes connections for a moment; nothing was sent on them.
      expect(count(report, 'refused')).toBeLessThanOrEqual(CONNECTIONS);
      const unforeseen = [...report.outcomes.keys()].filter((outcome) => !FORESEEN.has(outcome));
      expect(unforeseen).toEqual([]);
      expect(answered(first.output)).toBeGreaterThan(0);
      expect(answered(second.output)).toBeGreaterThan(served);

      const after = await closedLoop(endpoint, next, { connections: CONNECTIONS, durationMs: LOAD_MS });
      expect([...after.outcomes.keys()]).toEqual([200]);
    });
  },
);

function answered(output: readonly string[]): number {
  return output.filter((line) => line.includes('"event":"request"')).length;
}

/** As in docs/scaling.md of the proxy: TCP only, and health from an instance's own ping. */
async function startHaproxy(directory: string, port: number, servers: readonly number[]): Promise<void> {
  const file = join(directory, 'haproxy.cfg');
  const rows = servers.map((server, index) => `  server xks-${index} 127.0.0.1:${server} check check-ssl`);
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 1s
  timeout client 90s
  timeout server 90s
  retries 3
  option redispatch 1

frontend kms
  bind 127.0.0.1:${port}
  default_backend proxies

backend proxies
  balance leastconn
  option httpchk GET /ping
  timeout check 2s
  default-server inter 500ms fall 3 rise 1 verify none observe layer4 error-limit 1 on-error mark-down
${rows.join('\n')}
`,
  );
  const child = spawn('haproxy', ['-q', '-db', '-f', file], { stdio: 'ignore' });
  onTestFinished(() => void child.kill());
  await expect.poll(() => isListening(port), { timeout: 10_000 }).toBe(true);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}

function hasHaproxy(): boolean {
  try {
    execFileSync('haproxy', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const FORESEEN: ReadonlySet<Outcome> = new Set([200, 'lost', 'refused']);
