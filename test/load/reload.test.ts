import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { findModule } from '@holdfast/pkcs11/testing';
import type { Endpoint } from '@holdfast/testbed/load/connection';
import { closedLoop } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { type LoadProxy, type LoadSetting, loadSetting } from '@holdfast/testbed/load/setting';
import { createCredential } from '@holdfast/testbed/proxy-files';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONNECTIONS, IS_LONG } from './scale.ts';

describe.skipIf(findModule() === undefined)('a proxy that is changed while it is under load', () => {
  let setting: LoadSetting;
  let proxy: LoadProxy;
  beforeAll(async () => {
    setting = await loadSetting({ keys: 2 });
    proxy = await setting.start();
  });
  afterAll(async () => {
    await proxy?.stop();
    setting?.dispose();
  });

  const seen = new Set<unknown>();
  /** Writes another configuration and waits until it is served. */
  const reconfigure = async (change: (toml: string) => string) => {
    setting.writeConfig(change);
    const { time } = await proxy.record(
      (record) => record['event'] === 'reloaded' && !seen.has(record['time']),
    );
    seen.add(time);
  };
  /** The load goes on while `changes` are made, and for a while after them. */
  const underLoad = async (changes: (use: (next: () => Uint8Array) => void) => Promise<void>) => {
    let next = requestPool([setting.encryptPath()], SMALL, setting.caller);
    const over = new AbortController();
    const load = closedLoop(proxy.endpoint, () => next(), {
      connections: CONNECTIONS,
      durationMs: MAX_MS,
      signal: over.signal,
    });
    await changes((other) => {
      next = other;
    });
    await pause();
    over.abort();
    const { outcomes } = await load;
    return [...outcomes.keys()];
  };

  test('fails no request when a credential is replaced', async () => {
    const credential = createCredential();
    writeFileSync(join(setting.directory, 'newer-secret'), credential.secretAccessKey);
    const newer = `access_key_id = "${credential.accessKeyId}"\nsecret_access_key_file = "newer-secret"`;
    const outcomes = await underLoad(async (use) => {
      const added = `[[stores.credentials]]\n${newer}\n\n[[stores.credentials]]`;
      await reconfigure((toml) => toml.replace('[[stores.credentials]]', added));
      use(requestPool([setting.encryptPath()], SMALL, { ...setting.caller, credential }));
      await pause();
      const older = /access_key_id = .*\nsecret_access_key_file = .*/;
      await reconfigure((toml) => toml.replace(older, newer));
    });
    await reconfigure((toml) => toml);
    expect(outcomes).toEqual([200]);
  });

  test('fails no request when the certificate is renewed', async () => {
    const before = await fingerprint(proxy.endpoint);
    const outcomes = await underLoad(async () => {
      await setting.renewCertificate();
      await reconfigure((toml) => `${toml}\n`);
    });
    expect(outcomes).toEqual([200]);
    expect(await fingerprint(proxy.endpoint)).not.toBe(before);
  });

  test('fails no request when a policy is added that allows it', async () => {
    const rule = '[[stores.policy.rules]]\nname = "all"\neffect = "allow"\naccounts = ["123456789012"]\n';
    const outcomes = await underLoad(() => reconfigure((toml) => `${toml}\n${rule}`));
    expect(outcomes).toEqual([200]);
    expect(proxy.output.some((line) => line.includes('"policyRule":"all"'))).toBe(true);
  });

  test('fails no request when a key is rotated', async () => {
    const versions = 'versions = [{ version = 1, label = "key-0" }, { version = 2, label = "key-1" }]';
    const outcomes = await underLoad(() => reconfigure((toml) => toml.replace('label = "key-0"', versions)));
    expect(outcomes).toEqual([200]);
    expect(proxy.output.some((line) => line.includes('"keyVersion":2'))).toBe(true);
  });
});

function pause(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, IS_LONG ? 2_000 : 300));
}

function fingerprint({ host, port, servername, ca }: Endpoint): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername, ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const MAX_MS = 25_000;
