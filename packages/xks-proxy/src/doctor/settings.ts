import { readCounts } from '../budget/counts-directory.ts';
import type { ProxyConfig } from '../config/config.ts';
import { currentVersion } from '../config/key-versions.ts';
import { selectorName } from '../devices/key-selector.ts';
import { isWritable } from '../files/writable.ts';
import { rotationObstacles } from '../keys/rotation-obstacles.ts';
import type { Report } from './findings.ts';

/** Examines settings that the proxy accepts, but an operator would not want. */
export function examineSettings(config: ProxyConfig, report: Report, now = new Date()): void {
  const { server, admin, stores, tokens } = config;
  examineBudget(config, report);
  for (const { store, problem } of rotationObstacles(config))
    report('rotation-impossible', `store ${store}`, `at_limit is "rotate", and ${problem}`);
  if (server.timeoutMs > MAX_TIMEOUT_MS)
    report('timeout-long', 'server', `timeout_ms is ${server.timeoutMs}`);
  if (admin !== undefined && !LOOPBACK.test(admin.host))
    report('admin-exposed', 'admin', `it listens on ${admin.host}`);
  for (const { name, keys, quota, credentials } of stores) {
    const subject = `store ${name}`;
    if (keys.length === 0) report('store-keyless', subject, 'it has no external key');
    for (const { externalKeyId, usages } of keys)
      if (new Set(usages).size === 1)
        report('key-single-usage', `key ${name}/${externalKeyId}`, `its only usage is ${usages[0]}`);
    if (stores.length > 1 && quota === undefined)
      report('quota-absent', subject, 'it shares the tokens without a quota');
    for (const { accessKeyId, createdAt } of credentials) {
      const days = createdAt === undefined ? 0 : Math.floor((now.getTime() - createdAt.getTime()) / DAY_MS);
      if (days > MAX_CREDENTIAL_DAYS)
        report('credential-old', `${subject}, credential ${accessKeyId}`, `it is ${days} days old`);
    }
  }
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  for (const { name, calls, maxSessions } of tokens) {
    if (calls !== 'threadpool' || threads >= maxSessions) continue;
    report(
      'threads-few',
      `token ${name}`,
      `UV_THREADPOOL_SIZE is ${threads} here, and max_sessions ${maxSessions}`,
    );
  }
}

function examineBudget({ ivBudget: { stateDirectory, limit }, stores }: ProxyConfig, report: Report): void {
  if (stateDirectory === undefined)
    return report('budget-uncounted', 'iv_budget', 'the count of encryptions does not outlive the process');
  if (!isWritable(stateDirectory))
    return report('budget-unwritable', 'iv_budget', `${stateDirectory} cannot be written`);
  const counts = countsIn(stateDirectory, report);
  for (const { name, keys } of stores) {
    for (const key of keys) {
      const used = counts.get(selectorName(currentVersion(key).selector)) ?? 0;
      if (used < limit / 2) continue;
      report(
        'budget-half-used',
        `key ${name}/${key.externalKeyId}`,
        `it has encrypted ${used} times of ${limit}`,
      );
    }
  }
}

/** The counts; none if they cannot be read, which is a finding. */
function countsIn(directory: string, report: Report): ReadonlyMap<string, number> {
  try {
    return readCounts(directory);
  } catch (error) {
    report('budget-unreadable', 'iv_budget', error instanceof Error ? error.message : 'unknown error');
    return new Map();
  }
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;
const MAX_TIMEOUT_MS = 200;
const DAY_MS = 86_400_000;
const MAX_CREDENTIAL_DAYS = 365;
