import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { openModule } from '@holdfast/pkcs11';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { acquireLibrary } from '../../../pkcs11/src/library/library.ts';
import { loadConfig } from '../../src/config/load.ts';
import { addCredential } from '../../src/credentials/edit-credentials.ts';
import { diagnose } from '../../src/doctor/diagnose.ts';
import { askForChoices } from '../../src/init/ask.ts';
import { defaultPathPrefix, type InitChoices } from '../../src/init/choices.ts';
import { initialize } from '../../src/init/initialize.ts';
import { findModules, knownModule } from '../../src/init/known-modules.ts';
import { selfSigned } from '../../src/init/self-signed.ts';
import { createKey } from '../../src/keys/create.ts';
import { rotateKey } from '../../src/keys/rotate.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';
import { codeOf } from '../fixtures/store-files.ts';

let token: ReturnType<typeof temporaryToken>;
let folder: string;
beforeEach(() => {
  token = temporaryToken({ label: 'there' });
  folder = mkdtempSync(join(tmpdir(), 'holdfast-init-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  token.dispose();
});

const choices = (changes: Partial<InitChoices> = {}): InitChoices => ({
  folder,
  overwrites: false,
  module: token.modulePath,
  token: { kind: 'existing', label: 'there', pin: token.pin },
  store: 'acme',
  pathPrefix: '/acme',
  regions: ['eu-north-1'],
  hostName: 'xks.example.com',
  certificate: undefined,
  externalKeyIds: ['orders', 'invoices'],
  host: '127.0.0.1',
  port: 0,
  stateDirectory: 'state',
  ...changes,
});

const newToken = (label = 'brand new') => ({ kind: 'new', label }) as const;
const labels = () => {
  const module = openModule({ path: token.modulePath });
  try {
    return module.tokens().map(({ label }) => label);
  } finally {
    module.close();
  }
};

const certificateFiles = (certificate: string, key: string) => {
  const files = { certificateFile: join(folder, 'given.pem'), keyFile: join(folder, 'given.key') };
  writeFileSync(files.certificateFile, certificate);
  writeFileSync(files.keyFile, key);
  return files;
};

describe('init', () => {
  it('makes a proxy that the doctor finds nothing wrong with but the private certificate', async () => {
    const { configFile, accessKeyId } = await initialize(choices());
    const config = loadConfig(configFile);
    expect(config.stores[0]?.keys.map(({ externalKeyId }) => externalKeyId)).toEqual(['orders', 'invoices']);
    expect(config.stores[0]?.credentials.map((credential) => credential.accessKeyId)).toEqual([accessKeyId]);
    const found = await diagnose({ configFile });
    expect(found.filter(({ level }) => level !== 'ok').map(({ code }) => code)).toEqual([
      'certificate-untrusted',
    ]);
  });

  it('makes files that are for their owner alone, whatever is there', async () => {
    for (const name of ['pin', 'server.key', 'config.toml'])
      writeFileSync(join(folder, name), 'there', { mode: 0o644 });
    await initialize(choices({ overwrites: true }));
    const modes = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777);
    expect(new Set(modes)).toEqual(new Set([0o600]));
  });

  it('keeps a folder that it makes out of any repository, and leaves one that is there alone', async () => {
    const git = (...args: readonly string[]) =>
      execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    git('init');
    const { files } = await initialize(choices({ folder: join(folder, 'xks'), token: newToken() }));
    expect(files).toEqual(expect.arrayContaining(['pin', 'so-pin', 'server.key']));
    expect(git('status', '--porcelain', '--untracked-files=all')).toBe('');
    await initialize(choices());
    expect(existsSync(join(folder, '.gitignore'))).toBe(false);
  });

  it('names the remedy where this user may not use the configuration of SoftHSM', async () => {
    vi.stubEnv('SOFTHSM2_CONF', join(folder, 'none.conf'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const made = initialize(choices({ token: newToken() }));
    await expect(made).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    await expect(made).rejects.toThrow('SOFTHSM2_CONF');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('initialises a new token, and keeps both of its PINs', async () => {
    const { configFile } = await initialize(choices({ token: newToken() }));
    const [pin, soPin] = ['pin', 'so-pin'].map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(pin).toMatch(/^[0-9a-f]{16}\n$/);
    expect(soPin).toMatch(/^[0-9a-f]{16}\n$/);
    expect(pin).not.toBe(soPin);
    const found = await diagnose({ configFile });
    expect(found.filter(({ level }) => level === 'failure')).toEqual([]);
  });

  it('makes no file where the token does not take the PIN', async () => {
    const made = initialize(choices({ token: { kind: 'existing', label: 'there', pin: 'wrong' } }));
    expect(await codeOf(made)).toBe('PIN_REFUSED');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('initialises no second token of a label', async () => {
    const made = initialize(choices({ token: newToken('there') }));
    expect(await codeOf(made)).toBe('CHANGE_REFUSED');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each<[string, () => Promise<Partial<InitChoices>>]>([
    ['a region that is none', async () => ({ regions: ['Europe'] })],
    ['a key id that AWS KMS has not', async () => ({ externalKeyIds: ['orders', 'bad key!'] })],
    ['a key twice', async () => ({ externalKeyIds: ['orders', 'orders'] })],
    ['a URL in place of a host name', async () => ({ hostName: 'https://xks.example.com' })],
    ['a port that is none', async () => ({ port: 99_999 })],
    ['a store that would lie elsewhere', async () => ({ store: '../evil' })],
    ['a label of more bytes than a token has', async () => ({ token: newToken('ü'.repeat(17)) })],
    [
      'the key of another certificate',
      async () => {
        const [mine, other] = [await selfSigned('xks.example.com'), await selfSigned('xks.example.com')];
        return { certificate: certificateFiles(mine.certificate, other.key) };
      },
    ],
    [
      'a certificate that has expired',
      async () => {
        const { cert, key } = await (await clientAuthority()).issue(['localhost'], [-2, -1], 'serverAuth');
        return { certificate: certificateFiles(cert, key) };
      },
    ],
  ])('touches neither token nor folder for %s', async (_, changes) => {
    const wanted = choices({ folder: join(folder, 'new'), token: newToken(), ...(await changes()) });
    const before = readdirSync(folder);
    expect(await codeOf(initialize(wanted))).toBe('CONFIG_INVALID');
    expect(readdirSync(folder)).toEqual(before);
    expect(labels()).not.toContain(wanted.token.label);
  });

  it.runIf(process.platform === 'linux')('initialises no token whose PINs cannot be kept', async () => {
    // Where not even root can make a file.
    const made = initialize(choices({ folder: '/proc/self', token: newToken() }));
    expect(await codeOf(made)).toMatch(/^E/);
    expect(labels()).not.toContain('brand new');
  });

  it('replaces the PINs of a token that it made for those of no other', async () => {
    await initialize(choices({ token: newToken() }));
    const pins = () => ['pin', 'so-pin'].map((name) => readFileSync(join(folder, name), 'utf8'));
    const before = pins();
    const again = initialize(choices({ overwrites: true, token: newToken('another') }));
    expect(await codeOf(again)).toBe('CHANGE_REFUSED');
    expect(pins()).toEqual(before);
    expect(labels()).not.toContain('another');
    expect(await codeOf(initialize(choices({ overwrites: true })))).toBe('CHANGE_REFUSED');
    expect(pins()).toEqual(before);
    const known = { kind: 'existing', label: 'brand new', pin: before[0]?.trim() ?? '' } as const;
    await initialize(choices({ overwrites: true, token: known }));
    expect(pins()).toEqual(before);
  });

  it('goes on with a token that it gave its label, and no PIN yet', async () => {
    const library = acquireLibrary(token.modulePath);
    vi.spyOn(library.cryptoki, 'C_InitPIN').mockImplementationOnce(() => {
      throw Object.assign(new Error('CKR_DEVICE_ERROR'), { code: 0x30 });
    });
    const failure = await codeOf(initialize(choices({ token: newToken() })));
    library.release();
    vi.restoreAllMocks();
    expect(failure).toBe('TOKEN_UNAVAILABLE');
    const pin = readFileSync(join(folder, 'pin'), 'utf8').trim();
    const known = { kind: 'existing', label: 'brand new', pin } as const;
    const elsewhere = initialize(choices({ folder: join(folder, 'other'), token: known }));
    expect(await codeOf(elsewhere)).toBe('PIN_REFUSED');
    const { configFile } = await initialize(choices({ overwrites: true, token: known }));
    expect(labels().filter((label) => label === 'brand new')).toHaveLength(1);
    const found = await diagnose({ configFile });
    expect(found.filter(({ level }) => level === 'failure')).toEqual([]);
  });

  it('finds a path prefix that is one for each name that a store may have', () => {
    expect(['acme', 'acme.prod'].map(defaultPathPrefix)).toEqual(['/acme', '/acme-prod']);
  });

  it('overwrites nothing unless it is told to, and then takes the keys that there are', async () => {
    await initialize(choices());
    const before = readFileSync(join(folder, 'config.toml'), 'utf8');
    expect(await codeOf(initialize(choices({ store: 'other' })))).toBe('CHANGE_REFUSED');
    expect(readFileSync(join(folder, 'config.toml'), 'utf8')).toBe(before);
    const { configFile } = await initialize(choices({ store: 'other', overwrites: true }));
    const [store] = loadConfig(configFile).stores;
    expect(store).toMatchObject({
      name: 'other',
      keys: [{ externalKeyId: 'orders' }, { externalKeyId: 'invoices' }],
    });
  });

  it('keeps the keys, their versions and the credentials that are there, and adds what is missing', async () => {
    await initialize(choices());
    const place = { configFile: join(folder, 'config.toml'), store: 'acme' };
    await rotateKey(place, 'orders');
    await createKey(place, { externalKeyId: 'later' });
    const { accessKeyId } = await addCredential(place);
    const rows = () => {
      const [store = expect.unreachable()] = loadConfig(place.configFile).stores;
      return { keys: store.keys, ids: store.credentials.map((credential) => credential.accessKeyId) };
    };
    const before = rows();
    expect(before.keys[0]?.versions).toHaveLength(2);
    const again = choices({ overwrites: true, externalKeyIds: ['orders', 'new'], regions: ['eu-west-1'] });
    const made = await initialize(again);
    expect(made.accessKeyId).toBe(accessKeyId);
    expect(made.files.filter((name) => /toml$|secret$/.test(name))).toEqual(['config.toml']);
    expect(loadConfig(place.configFile).stores[0]?.regions).toEqual(['eu-west-1']);
    expect(rows().ids).toEqual(before.ids);
    expect(rows().keys).toEqual([...before.keys, expect.objectContaining({ externalKeyId: 'new' })]);
  });

  it.each([
    ['acme.keys.toml', '[[keys]', 'CHANGE_REFUSED'],
    ['acme.credentials.toml', 'secret = 1', 'CHANGE_REFUSED'],
    [
      'acme.keys.toml',
      '[[keys]]\nexternal_key_id = "old"\nlabel = "old"\ntokens = ["b"]\n',
      'CONFIG_INVALID',
    ],
  ])('replaces no %s that it cannot go on with: %j', async (name, text, code) => {
    await initialize(choices());
    const texts = () => readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
    writeFileSync(join(folder, name), text);
    const before = texts();
    expect(await codeOf(initialize(choices({ overwrites: true })))).toBe(code);
    expect(texts()).toEqual(before);
  });

  it('takes a certificate that is given', async () => {
    const made = await selfSigned('kms.example.com');
    const certificate = certificateFiles(made.certificate, made.key);
    const result = await initialize(choices({ certificate }));
    expect(result.isSelfSigned).toBe(false);
    expect(loadConfig(result.configFile).server.tls.certificate).toBe(made.certificate);
  });

  it('refuses a certificate that cannot be read before anything is made', async () => {
    const certificate = { certificateFile: join(folder, 'none'), keyFile: join(folder, 'none') };
    expect(await codeOf(initialize(choices({ certificate })))).toBe('CHANGE_REFUSED');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says so where there is no openssl', async () => {
    vi.stubEnv('PATH', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await codeOf(initialize(choices()))).toBe('CHANGE_REFUSED');
    expect(existsSync(join(folder, 'config.toml'))).toBe(false);
  });

  it('passes on why openssl makes no certificate', async () => {
    const hostName = `${'a'.repeat(60)}.example.com`;
    const made = initialize(choices({ hostName }));
    await expect(made).rejects.toMatchObject({ code: 'CHANGE_REFUSED' });
    await expect(made).rejects.toThrow(/maxsize=64|too long/);
  });

  it('takes the path in PKCS11_MODULE from where it is run, and not from the folder of the configuration', () => {
    expect(findModules({ PKCS11_MODULE: 'modules/mine.so' })[0]?.path).toBe(resolve('modules/mine.so'));
  });

  it('knows how the modules of vendors find initialization vectors', () => {
    const paths = [
      '/opt/cloudhsm/lib/libcloudhsm_pkcs11.so',
      '/usr/safenet/lunaclient/lib/libCryptoki2_64.so',
      '/any.so',
    ];
    expect(paths.map((path) => knownModule(path).iv)).toEqual(['written', 'appended', 'supplied']);
  });
});

describe('the questions of init', () => {
  /** Answers each question, once it is asked, with keys. */
  function terminalWith(answers: readonly (readonly [question: string, keys: string])[]) {
    const [input, output] = [new PassThrough(), new PassThrough()];
    let shown = '';
    output.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const typed = (async () => {
      for (const [question, keys] of answers) {
        await vi.waitUntil(() => shown.includes(question), { timeout: 10_000, interval: 5 });
        await sleep(20);
        for (const key of keys) {
          input.write(key);
          await sleep(5);
        }
      }
    })();
    return { terminal: { input, output }, typed, shown: () => shown };
  }

  it('lead to the choices, and the PIN is not shown', async () => {
    vi.stubEnv('PKCS11_MODULE', token.modulePath);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { terminal, typed, shown } = terminalWith([
      ['PKCS#11 module', '\r'],
      ['Label of the token', '\r'],
      ['PIN of there', `${token.pin}\r`],
      ['Name of the external key store', 'acme\r'],
      ['AWS region', 'eu-north-1\r'],
      ['Host name', 'xks.acme.example\r'],
      ['Is there a certificate', '\r'],
      ['first external key', '\r'],
    ]);
    const asked = askForChoices({ folder, overwrites: false }, terminal);
    await typed;
    await expect(asked).resolves.toEqual(
      choices({ host: '0.0.0.0', port: 8443, hostName: 'xks.acme.example', externalKeyIds: ['key-1'] }),
    );
    expect(shown()).not.toContain(token.pin);
  });

  it('are not asked where the answer was given, and end with Control-C', async () => {
    const { terminal, typed, shown } = terminalWith([['Name of the external key store', '\x03']]);
    const said = { folder, overwrites: false, module: token.modulePath, token: choices().token };
    const asked = askForChoices(said, terminal);
    await typed;
    await expect(asked).resolves.toBe('cancelled');
    expect(shown()).not.toContain('PKCS#11 module');
    expect(readdirSync(folder)).toEqual([]);
  });
});
