import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AesKeyRecord } from '@holdfast/pkcs11';
import { importAesKey } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { selectorText } from '../../src/devices/key-selector.ts';
import { createKey } from '../../src/keys/create.ts';
import { linkKey } from '../../src/keys/link.ts';
import { rotateKey } from '../../src/keys/rotate.ts';
import { keyByLabel } from '../../src/keys/version-key.ts';
import { runCommand } from '../fixtures/command.ts';
import { codeOf, secondToken, writeConfigWithFiles } from '../fixtures/store-files.ts';

describe('instances with keys files of their own', () => {
  let files: Awaited<ReturnType<typeof writeConfigWithFiles>>;
  let configFiles: readonly string[];
  beforeAll(async () => {
    files = await writeConfigWithFiles();
    await createKey(files.place, { externalKeyId: 'shared' });
    const keys = loadConfig(files.configFile).stores[0]?.keysFile ?? expect.unreachable();
    configFiles = ['a', 'b', 'c'].map((instance) => {
      const configFile = `${files.configFile}.${instance}`;
      writeFileSync(configFile, files.toml.replace('acme.keys.toml', `acme.keys.toml.${instance}`));
      copyFileSync(keys, `${keys}.${instance}`);
      return configFile;
    });
  });
  afterAll(() => files.dispose());

  /** The numbers of the versions, after a check that each is the same key for all instances. */
  const agreedVersions = () => {
    const [first = expect.unreachable(), ...others] = configFiles.map((configFile) => {
      const key = loadConfig(configFile).stores[0]?.keys.find((row) => row.externalKeyId === 'shared');
      return key?.versions.map(({ version, selector }) => ({ version, ...selectorText(selector) }));
    });
    expect(others).toEqual([first, first]);
    return first.map(({ version }) => version);
  };

  it('give one version number to one key, one after the other', async () => {
    for (const configFile of configFiles)
      await rotateKey({ configFile, store: 'acme' }, 'shared', { expected: 1 });
    expect(agreedVersions()).toEqual([1, 2]);
  });

  it('give one version number to one key at the same moment', async () => {
    const rotations = configFiles.map((configFile) =>
      rotateKey({ configFile, store: 'acme' }, 'shared', { expected: 2 }),
    );
    await Promise.all(rotations);
    expect(agreedVersions()).toEqual([1, 2, 3]);
  });

  it('give one version number to one key at the same moment, in processes of their own', async () => {
    const rotate = async (configFile: string): Promise<number | null> => {
      const { status, stderr } = await runCommand(
        'keys',
        'rotate',
        'shared',
        '--store',
        'acme',
        '--config',
        configFile,
      );
      // SoftHSM reads its files while another process writes them, and may not find the token or its user.
      return /no token has the label|C_Login returned CKR_GENERAL_ERROR/.test(stderr)
        ? rotate(configFile)
        : status;
    };
    expect(await Promise.all(configFiles.map(rotate))).toEqual([0, 0, 0]);
    expect(agreedVersions()).toEqual([1, 2, 3, 4]);
  }, 60_000);
});

it('the key of a version is waited for on the other tokens of a cluster, whoever has made it', async () => {
  const files = await writeConfigWithFiles();
  onTestFinished(() => files.dispose());
  await createKey(files.place, { externalKeyId: 'copied' });
  const keys = readFileSync(files.keysFile, 'utf8');
  const { selector } = await rotateKey(files.place, 'copied');
  const id = 'id' in selector ? selector.id : expect.unreachable();
  // As if another instance with a keys file of its own had made it a moment ago.
  writeFileSync(files.keysFile, keys);
  const second = secondToken(files.token);
  writeFileSync(join(files.directory, 'second.pin'), second.pin);
  const table = `[[tokens]]\nmodule = "${second.modulePath}"\nlabel = "second"\npin_file = "second.pin"\n`;
  const cluster = files.toml
    .replace('[[stores]]', `${table}[[stores]]`)
    .replaceAll('pin_file', 'cluster = "one"\npin_file');
  writeFileSync(files.configFile, cluster);

  const done: unknown[] = [];
  const rotation = codeOf(rotateKey(files.place, 'copied')).then((code) => done.push(code));
  await sleep(2000);
  // No key can be copied out of such a token, so the test makes another one; that it differs is detected, too.
  importAesKey(second, { label: 'copied', id, value: Buffer.alloc(32, 8) });
  done.push('copied');
  await rotation;
  expect(done).toEqual(['copied', 'CHANGE_REFUSED']);
}, 30_000);

describe('configurations on one token that have the same external key id', () => {
  let files: Awaited<ReturnType<typeof writeConfigWithFiles>>;
  let places: readonly { readonly configFile: string; readonly store: string }[];
  beforeAll(async () => {
    files = await writeConfigWithFiles();
    places = ['production', 'staging'].map((name) => {
      const configFile = `${files.configFile}.${name}`;
      writeFileSync(configFile, files.toml.replace('acme.keys.toml', `acme.keys.toml.${name}`));
      writeFileSync(`${files.keysFile}.${name}`, '');
      return { configFile, store: 'acme' };
    });
  });
  afterAll(() => files.dispose());

  const secondVersions = async (externalKeyId: string) => {
    const ids: unknown[] = [];
    for (const place of places) ids.push(selectorText((await rotateKey(place, externalKeyId)).selector));
    return ids;
  };

  it('get keys of their own where they began with different ones', async () => {
    for (const [index, place] of places.entries())
      await createKey(place, { externalKeyId: 'payments', label: `payments ${index}` });
    const [production, staging] = await secondVersions('payments');
    expect(production).not.toEqual(staging);
  });

  it('get the same key where they began with the same one, whatever they know it by', async () => {
    const [production = expect.unreachable(), staging = expect.unreachable()] = places;
    await createKey(production, { externalKeyId: 'parcels', label: 'the parcels' });
    await linkKey(staging, { externalKeyId: 'parcels', selector: { label: 'the parcels' } });
    const [first, second] = await secondVersions('parcels');
    expect(first).toEqual(second);
  });

  it('get the same key where they began with the same one, which has no id', async () => {
    importAesKey(files.token, { label: 'no id', id: Buffer.alloc(0), value: Buffer.alloc(32, 7) });
    for (const place of places)
      await linkKey(place, { externalKeyId: 'nameless', selector: { label: 'no id' } });
    const [first, second] = await secondVersions('nameless');
    expect(first).toEqual(second);
  });
});

describe('the key by the label of a version', () => {
  const made: AesKeyRecord = {
    label: 'orders.v2',
    id: Buffer.of(2),
    lengthBytes: 32,
    usages: ['ENCRYPT', 'DECRYPT'],
    otherUsages: [],
    sensitive: true,
    extractable: false,
    local: true,
  };
  const wanted = { label: 'orders.v2', usages: ['ENCRYPT'] } as const;
  const found = (...records: readonly AesKeyRecord[]) => keyByLabel(records, { stores: [] }, wanted);

  it('is the same for everybody when several made one in the same moment', () => {
    const others = [Buffer.of(2, 0), Buffer.of(1), Buffer.of(3)].map((id) => ({ ...made, id }));
    expect(found(made, ...others)).toEqual(Buffer.of(1));
    expect(found(...others.toReversed(), made)).toEqual(Buffer.of(1));
  });

  it('is one that a token made and keeps, and fit for the usages', () => {
    expect(found(made)).toEqual(made.id);
    for (const change of [
      { label: 'orders' },
      { id: Buffer.of() },
      { lengthBytes: 16 },
      { usages: ['DECRYPT'] },
      { sensitive: false },
      { extractable: true },
      { local: false },
    ] as const)
      expect(found({ ...made, ...change })).toBeUndefined();
  });
});
