import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openModule } from '@holdfast/pkcs11';
import { destroyKeys, importAesKey } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StoreKeyConfig } from '../../src/config/keys.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { DeviceKeySelector } from '../../src/devices/key-selector.ts';
import { lockOf } from '../../src/files/file-lock.ts';
import { createKey } from '../../src/keys/create.ts';
import { changeStatus } from '../../src/keys/key-status.ts';
import { linkKey } from '../../src/keys/link.ts';
import { rotateKey } from '../../src/keys/rotate.ts';
import { describeOnTokens } from '../../src/keys/show.ts';
import { codeOf, secondToken, writeConfigWithFiles } from '../fixtures/store-files.ts';

let files: Awaited<ReturnType<typeof writeConfigWithFiles>>;
beforeAll(async () => {
  files = await writeConfigWithFiles();
});
afterAll(() => files.dispose());
beforeEach(() => {
  writeFileSync(files.keysFile, '');
  writeFileSync(files.configFile, files.toml);
});

const keyNow = (externalKeyId: string) =>
  loadConfig(files.configFile).stores[0]?.keys.find((key) => key.externalKeyId === externalKeyId) ??
  expect.unreachable();
/** The label for the key of a version of an external key that the token has made. */
const labelOf = ({ externalKeyId, versions: [first] }: StoreKeyConfig, version: number) => {
  const id = first !== undefined && 'id' in first.selector ? first.selector.id : expect.unreachable();
  return `${externalKeyId}.v${version}.${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
};
const keysOnToken = () => {
  const module = openModule({ path: files.token.modulePath });
  const keys = module.openToken({ label: files.token.label, pin: files.pin }).aesKeys();
  module.close();
  return keys;
};
const labelsOnToken = () =>
  keysOnToken()
    .map(({ label }) => label)
    .sort();
const idOnToken = (label: string) =>
  keysOnToken().find((key) => key.label === label)?.id ?? expect.unreachable();

describe('keys create', () => {
  it('makes a key that stays in the token, and an external key of it', async () => {
    await createKey(files.place, { externalKeyId: 'invoices' });
    const { config, key } = { config: loadConfig(files.configFile), key: keyNow('invoices') };
    const [store = expect.unreachable()] = config.stores;
    await expect(describeOnTokens(config, store, key)).resolves.toMatchObject({
      status: 'ENABLED',
      tokens: ['xks-test'],
      versions: [
        {
          version: 1,
          found: [
            {
              present: true,
              label: 'invoices',
              sensitive: true,
              extractable: false,
              local: true,
              lengthBytes: 32,
            },
          ],
        },
      ],
    });
  });

  it.each([
    ['an id that is taken in the file', 'taken', 'CHANGE_REFUSED'],
    ['an id that is taken in the configuration', 'orders', 'CHANGE_REFUSED'],
    ['an id that the API does not know', 'a b', 'CONFIG_INVALID'],
  ])('makes and links no key for %s', async (_, externalKeyId, code) => {
    await linkKey(files.place, { externalKeyId: 'taken', selector: { label: 'orders' } });
    const before = [labelsOnToken(), readFileSync(files.keysFile, 'utf8')];
    expect(await codeOf(createKey(files.place, { externalKeyId }))).toBe(code);
    const linked = linkKey(files.place, { externalKeyId, selector: { label: 'orders' } });
    expect(await codeOf(linked)).toBe(code);
    expect([labelsOnToken(), readFileSync(files.keysFile, 'utf8')]).toEqual(before);
  });

  it('refuses a label that the token has already', async () => {
    const made = createKey(files.place, { externalKeyId: 'again', label: 'orders' });
    expect(await codeOf(made)).toBe('CHANGE_REFUSED');
    expect(readFileSync(files.keysFile, 'utf8')).toBe('');
  });

  it('refuses a store without a keys file, a token and a store that there are not', async () => {
    const inOther = createKey({ ...files.place, store: 'other' }, { externalKeyId: 'a' });
    const onOther = createKey(files.place, { externalKeyId: 'a', tokens: ['other'] });
    const nowhere = createKey({ configFile: files.configFile, store: 'none' }, { externalKeyId: 'a' });
    const unclear = createKey({ configFile: files.configFile }, { externalKeyId: 'a' });
    const codes = await Promise.all([inOther, onOther, nowhere, unclear].map(codeOf));
    expect(codes).toEqual(Array(4).fill('CHANGE_REFUSED'));
  });
});

describe('keys rotate', () => {
  it('makes one version after the other', async () => {
    const made = await createKey(files.place, { externalKeyId: 'rotated' });
    await rotateKey(files.place, 'rotated');
    await expect(rotateKey(files.place, 'rotated')).resolves.toMatchObject({ version: 3 });
    expect(keyNow('rotated').versions.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(labelsOnToken()).toEqual(expect.arrayContaining([2, 3].map((version) => labelOf(made, version))));
  });

  it('makes one version when several ask for the next at the same time', async () => {
    await createKey(files.place, { externalKeyId: 'once' });
    const results = await Promise.all(
      [1, 1, undefined].map((expected) => rotateKey(files.place, 'once', { expected })),
    );
    expect(results.map(({ version }) => version)).toEqual([2, 2, 2]);
    expect(keyNow('once').versions).toHaveLength(2);
  });

  it('goes round a key by the label of the next version that was not made on the token', async () => {
    const label = labelOf(await createKey(files.place, { externalKeyId: 'imported' }), 2);
    importAesKey(files.token, { label, value: Buffer.alloc(32, 1) });
    await rotateKey(files.place, 'imported');
    expect(keyNow('imported').versions).toHaveLength(2);
    expect(labelsOnToken()).toContain(`${label}-2`);
  });

  it('goes round a key by the label of the next version that another external key has', async () => {
    const label = labelOf(await createKey(files.place, { externalKeyId: 'twin' }), 2);
    const { versions } = await createKey(files.place, { externalKeyId: 'other-twin', label });
    await expect(rotateKey(files.place, 'twin')).resolves.not.toMatchObject({
      selector: versions[0]?.selector,
    });
    expect(labelsOnToken()).toContain(`${label}-2`);
  });

  it('takes the key that is left over from a rotation that was stopped', async () => {
    await createKey(files.place, { externalKeyId: 'stopped' });
    const file = readFileSync(files.keysFile, 'utf8');
    const stopped = await rotateKey(files.place, 'stopped');
    writeFileSync(files.keysFile, file);
    const before = labelsOnToken();
    const { version, selector } = stopped;
    await expect(rotateKey(files.place, 'stopped')).resolves.toMatchObject({ version, selector });
    expect(labelsOnToken()).toEqual(before);
  });

  it('makes a version that link brings back when the file has lost it', async () => {
    await createKey(files.place, { externalKeyId: 'lost' });
    const file = readFileSync(files.keysFile, 'utf8');
    const { version, selector } = await rotateKey(files.place, 'lost');
    writeFileSync(files.keysFile, file);
    await linkKey(files.place, { externalKeyId: 'lost', selector, asNextVersion: true });
    expect(keyNow('lost').versions.at(-1)).toMatchObject({ version, selector });
  });

  it('refuses a label where somebody else has made the version meanwhile', async () => {
    await createKey(files.place, { externalKeyId: 'labelled' });
    const rotations = ['one', 'two'].map((label) => rotateKey(files.place, 'labelled', { label }));
    const codes = await Promise.all(rotations.map(codeOf));
    expect(new Set(codes)).toEqual(new Set([undefined, 'CHANGE_REFUSED']));
    expect(keyNow('labelled').versions).toHaveLength(2);
  });

  it('refuses a key of the configuration itself, and one that there is not', async () => {
    expect(await codeOf(rotateKey(files.place, 'orders'))).toBe('CHANGE_REFUSED');
    expect(await codeOf(rotateKey(files.place, 'nobody'))).toBe('CHANGE_REFUSED');
  });

  it('refuses tokens that share no keys, and makes none', async () => {
    const twice = files.toml.replace(
      '[[stores]]',
      `[[tokens]]\nname = "second"\nmodule = "${files.token.modulePath}"\nlabel = "xks-test"\npin_file = "pin"\n[[stores]]`,
    );
    await linkKey(files.place, { externalKeyId: 'both', selector: { label: 'orders' } });
    writeFileSync(files.configFile, twice);
    const before = labelsOnToken();
    expect(await codeOf(rotateKey(files.place, 'both'))).toBe('CHANGE_REFUSED');
    expect(await codeOf(createKey(files.place, { externalKeyId: 'new' }))).toBe('CHANGE_REFUSED');
    expect(labelsOnToken()).toEqual(before);

    const cluster = twice.replaceAll('pin_file = "pin"', 'pin_file = "pin"\ncluster = "one"');
    writeFileSync(files.configFile, cluster);
    await expect(rotateKey(files.place, 'both')).resolves.toMatchObject({ version: 2 });
  });
});

describe('keys link', () => {
  it('makes an external key, and the next version of one, of keys that there are', async () => {
    importAesKey(files.token, { label: 'linked', id: Buffer.of(0xca, 0xfe), value: Buffer.alloc(32, 2) });
    await linkKey(files.place, {
      externalKeyId: 'linked',
      selector: { label: 'orders' },
      usages: ['DECRYPT'],
    });
    const askedAt = new Date();
    await linkKey(files.place, {
      externalKeyId: 'linked',
      selector: { id: Uint8Array.of(0xca, 0xfe) },
      asNextVersion: true,
    });
    expect(keyNow('linked')).toMatchObject({
      usages: ['DECRYPT'],
      versions: [
        { version: 1, selector: { id: idOnToken('orders') } },
        { version: 2, selector: { id: Uint8Array.of(0xca, 0xfe) } },
      ],
    });
    const [first, second] = keyNow('linked').versions;
    expect(first?.encryptsFrom).toBeUndefined();
    expect(second?.encryptsFrom?.getTime()).toBeGreaterThanOrEqual(askedAt.getTime() + 120_000);
  });

  it('names a key as create does, however it was asked for, so that it has one budget', async () => {
    await createKey(files.place, { externalKeyId: 'counted' });
    await linkKey(files.place, { externalKeyId: 'again', selector: { label: 'counted' } });
    expect(keyNow('again').versions).toEqual(keyNow('counted').versions);
  });

  it.each([
    ['has no id', 'nameless', [Buffer.alloc(0)]],
    ['shares its id with another key', 'shared', [Buffer.of(9), Buffer.of(9)]],
  ])('names a key by its label where it %s', async (_title, label, ids) => {
    const labels = ids.map((_id, index) => (index === 0 ? label : `${label} ${index}`));
    for (const [index, id] of ids.entries())
      importAesKey(files.token, { label: labels[index] ?? '', id, value: Buffer.alloc(32, 8 + index) });
    await linkKey(files.place, { externalKeyId: label, selector: { label } });
    expect(keyNow(label).versions).toMatchObject([{ selector: { label } }]);
    for (const used of labels) destroyKeys(files.token, { label: used });
  });

  it('refuses a next version that is a version of that key already, under whatever name', async () => {
    await createKey(files.place, { externalKeyId: 'spent' });
    await rotateKey(files.place, 'spent');
    const byLabel = '[[keys]]\nexternal_key_id = "old"\nlabel = "spent"\n';
    writeFileSync(files.keysFile, `${readFileSync(files.keysFile, 'utf8')}${byLabel}`);
    const before = readFileSync(files.keysFile, 'utf8');
    for (const externalKeyId of ['spent', 'old']) {
      for (const selector of [{ label: 'spent' }, { id: idOnToken('spent') }]) {
        const linked = linkKey(files.place, { externalKeyId, selector, asNextVersion: true });
        expect(await codeOf(linked)).toBe('CHANGE_REFUSED');
      }
    }
    expect(readFileSync(files.keysFile, 'utf8')).toBe(before);
  });

  it('refuses a later version in place of one that the file has lost, until that one is back', async () => {
    await createKey(files.place, { externalKeyId: 'gap' });
    const file = readFileSync(files.keysFile, 'utf8');
    const rotated = [await rotateKey(files.place, 'gap'), await rotateKey(files.place, 'gap')];
    writeFileSync(files.keysFile, file);
    const [second, third] = rotated.map(({ selector }) => selector);
    const link = (selector: DeviceKeySelector = expect.unreachable()) =>
      linkKey(files.place, { externalKeyId: 'gap', selector, asNextVersion: true });
    expect(await codeOf(link(third))).toBe('CHANGE_REFUSED');
    expect(readFileSync(files.keysFile, 'utf8')).toBe(file);
    await link(second);
    await link(third);
    expect(keyNow('gap').versions).toMatchObject([
      { version: 1 },
      ...rotated.map(({ version, selector }) => ({ version, selector })),
    ]);
  });

  it('refuses an unused version of a lower number than the next one', async () => {
    const made = await createKey(files.place, { externalKeyId: 'unused' });
    const label = labelOf(made, 2);
    await rotateKey(files.place, 'unused', { label: 'chosen' });
    importAesKey(files.token, { label, id: Buffer.of(2, 2), value: Buffer.alloc(32, 6) });
    const linked = linkKey(files.place, {
      externalKeyId: 'unused',
      selector: { label },
      asNextVersion: true,
    });
    expect(await codeOf(linked)).toBe('CHANGE_REFUSED');
    expect(keyNow('unused').versions).toHaveLength(2);
  });

  it.each([['ENCRYPT'], ['DECRYPT']] as const)(
    'refuses a key that only may %s for both usages',
    async (usage) => {
      const label = `may ${usage}`;
      importAesKey(files.token, { label, value: Buffer.alloc(32, 9), usages: [usage] });
      await linkKey(files.place, { externalKeyId: 'both', selector: { label: 'orders' } });
      const before = readFileSync(files.keysFile, 'utf8');
      const selector = { label };
      const links = [
        { externalKeyId: 'new', selector },
        { externalKeyId: 'both', selector, asNextVersion: true },
      ];
      for (const linked of links) expect(await codeOf(linkKey(files.place, linked))).toBe('CHANGE_REFUSED');
      expect(readFileSync(files.keysFile, 'utf8')).toBe(before);
      await linkKey(files.place, { externalKeyId: 'one', selector, usages: [usage] });
      expect(keyNow('one')).toMatchObject({ usages: [usage] });
      destroyKeys(files.token, { label });
    },
  );

  it('refuses tokens that hold different keys of the same name', async () => {
    const second = secondToken(files.token);
    writeFileSync(join(files.directory, 'second.pin'), second.pin);
    const table = `[[tokens]]\nmodule = "${files.token.modulePath}"\nlabel = "second"\npin_file = "second.pin"\n`;
    writeFileSync(files.configFile, files.toml.replace('[[stores]]', `${table}[[stores]]`));
    for (const token of [files.token, second])
      importAesKey(token, { label: 'same', id: Buffer.of(7), value: Buffer.alloc(32, 7) });
    for (const [value, token] of [files.token, second].entries())
      importAesKey(token, { label: 'different', value: Buffer.alloc(32, value) });
    const link = (label: string) => linkKey(files.place, { externalKeyId: label, selector: { label } });
    expect(await codeOf(link('different'))).toBe('CHANGE_REFUSED');
    await expect(link('same')).resolves.toMatchObject({ externalKeyId: 'same' });
  });

  it('refuses a key that is not there, is no AES-256 key, or is not the only one of its name', async () => {
    importAesKey(files.token, { label: 'short', value: Buffer.alloc(16, 3) });
    for (const value of [4, 5])
      importAesKey(files.token, { label: 'double', value: Buffer.alloc(32, value) });
    for (const label of ['absent', 'short', 'double']) {
      const linked = linkKey(files.place, { externalKeyId: label, selector: { label } });
      expect(await codeOf(linked)).toBe('CHANGE_REFUSED');
    }
    for (const label of ['short', 'double']) destroyKeys(files.token, { label });
    expect(readFileSync(files.keysFile, 'utf8')).toBe('');
  });
});

describe('keys enable, disable, block, unblock', () => {
  it('lead from state to state, and a block is lifted by unblock alone', async () => {
    await linkKey(files.place, { externalKeyId: 'key', selector: { label: 'orders' } });
    const states: string[] = [];
    for (const change of ['disable', 'disable', 'block', 'unblock', 'unblock', 'enable', 'block'] as const) {
      await changeStatus(files.place, 'key', change);
      states.push(keyNow('key').status);
    }
    // A key that was disabled does not come back enabled.
    expect(states).toEqual(['DISABLED', 'DISABLED', 'BLOCKED', 'DISABLED', 'DISABLED', 'ENABLED', 'BLOCKED']);
    for (const change of ['enable', 'disable'] as const)
      expect(await codeOf(changeStatus(files.place, 'key', change))).toBe('CHANGE_REFUSED');
    expect(keyNow('key').status).toBe('BLOCKED');
  });
});

describe('the keys file', () => {
  it('is known to be changeable before a token makes a key', async () => {
    await createKey(files.place, { externalKeyId: 'kept' });
    const before = [labelsOnToken(), readFileSync(files.keysFile, 'utf8')];
    writeFileSync(lockOf(files.keysFile), `${process.pid}\n`);
    const refused = [
      createKey(files.place, { externalKeyId: 'in-vain' }),
      rotateKey(files.place, 'kept'),
      rotateKey(files.place, 'kept', { label: 'kept 2' }),
    ];
    const codes = await Promise.all(refused.map(codeOf));
    rmSync(lockOf(files.keysFile));
    expect(codes).toEqual(['FILE_LOCKED', 'FILE_LOCKED', 'FILE_LOCKED']);
    expect([labelsOnToken(), readFileSync(files.keysFile, 'utf8')]).toEqual(before);
    expect(readdirSync(dirname(files.keysFile)).filter((name) => name.startsWith('.'))).toEqual([]);
  }, 20_000);

  it('takes changes at the same time, one after the other', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(
      names.map((externalKeyId) => linkKey(files.place, { externalKeyId, selector: { label: 'orders' } })),
    );
    const kept = loadConfig(files.configFile).stores[0]?.keys.map(({ externalKeyId }) => externalKeyId);
    expect(kept).toEqual(expect.arrayContaining(names));
  });

  it('keeps its permissions', async () => {
    const mode = statSync(files.keysFile).mode;
    await linkKey(files.place, { externalKeyId: 'a', selector: { label: 'orders' } });
    expect(statSync(files.keysFile).mode).toBe(mode);
  });

  it('takes a block while a token makes a version, which then keeps it', async () => {
    await createKey(files.place, { externalKeyId: 'urgent' });
    const done: string[] = [];
    const rotation = rotateKey(files.place, 'urgent').then(() => done.push('rotated'));
    await changeStatus(files.place, 'urgent', 'block').then(() => done.push('blocked'));
    await rotation;
    expect(done).toEqual(['blocked', 'rotated']);
    expect(keyNow('urgent')).toMatchObject({ status: 'BLOCKED', versions: [{ version: 1 }, { version: 2 }] });
  });
});
