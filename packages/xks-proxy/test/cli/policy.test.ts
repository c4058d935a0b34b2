import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommandHere } from '../fixtures/command.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';

const files = await writeTestConfig();
afterAll(() => files.dispose());
writeFileSync(
  join(files.directory, 'acme.policy.toml'),
  `
default = "deny"
[[rules]]
name = "production-roles"
effect = "allow"
principals = ["arn:aws:iam::123456789012:role/*"]
hours = ["08:00", "18:00"]
[[rules]]
name = "never-through-S3"
effect = "deny"
via_services = ["s3.*.amazonaws.com"]
`,
);
const BLOCKED_KEY = '[[stores.keys]]\nexternal_key_id = "blocked"\nlabel = "orders"\nstatus = "BLOCKED"';
writeFileSync(
  files.configFile,
  files.toml
    .replace('path_prefix = "/acme"', 'path_prefix = "/acme"\npolicy_file = "acme.policy.toml"')
    .replace('[[stores.keys]]', `${BLOCKED_KEY}\n[[stores.keys]]`),
);

const role = 'arn:aws:iam::123456789012:role/writer';
const request = ['--key', 'orders', '--principal', role, '--operation', 'Decrypt'];
const test = (...more: string[]) =>
  runCommandHere('policy', 'test', '--config', files.configFile, '--store', 'acme', ...request, ...more);

describe('xks-proxy policy test', () => {
  it('says what is decided, and by which rule', async () => {
    const results = [
      await test('--at', '2026-11-20T09:00:00Z'),
      await test('--at', '2026-11-20T20:00:00Z'),
      await test('--at', '2026-11-20T09:00:00Z', '--via-service', 's3.eu-north-1.amazonaws.com', '--json'),
    ];
    expect(results).toMatchObject([
      { status: 0, stdout: 'allowed by production-roles\n', stderr: '' },
      { status: 1, stdout: 'denied by the default\n', stderr: '' },
      { status: 1, stderr: '' },
    ]);
    expect(JSON.parse(results[2]?.stdout ?? '')).toEqual({
      store: 'acme',
      decision: 'denied',
      rule: 'never-through-S3',
      keyStatus: 'ENABLED',
    });
  });

  it('allows nothing for a key that is blocked, or that the store does not have', async () => {
    const [blocked, json, absent] = [
      await test('--at', '2026-11-20T09:00:00Z', '--key', 'blocked'),
      await test('--at', '2026-11-20T09:00:00Z', '--key', 'blocked', '--json'),
      await test('--at', '2026-11-20T09:00:00Z', '--key', 'parcels'),
    ];
    expect(blocked).toMatchObject({ status: 1, stderr: '' });
    expect(blocked.stdout).toMatch(/^denied/);
    expect(json).toMatchObject({ status: 1, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ decision: 'denied', keyStatus: 'BLOCKED' });
    expect(absent).toMatchObject({ status: 1, stdout: '' });
    expect(absent.stderr).toContain('parcels');
  });

  it.each([
    ['without a zone', '2026-11-20'],
    ['of a day that does not exist', '2026-02-30T00:00:00Z'],
    ['of a day that does not exist in that year', '2026-02-29T12:00:00+01:00'],
    ['of no known form', 'Nov 20 2026 T09:00:00Z'],
  ])('refuses a time %s', async (_title, time) => {
    expect(await test('--at', time)).toMatchObject({ status: 2, stdout: '' });
  });

  it.each(['2028-02-29T09:00Z', '2026-11-21T00:30:00.5+14:00'])('takes the time %s', async (time) => {
    expect((await test('--at', time)).stderr).toBe('');
  });

  it('refuses a store that is not there', async () => {
    const store = await test('--store', 'nobody');
    expect(store).toMatchObject({ status: 1, stdout: '' });
    expect(store.stderr).toContain('nobody');
  });
});
