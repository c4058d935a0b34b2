import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawAesKeyring } from '@holdfast/keyrings/raw-aes';
import { encryptionClient } from '@holdfast/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const wrappingKey = Buffer.alloc(32, 7);
const rawAes = { type: 'raw-aes', namespace: 'vectors', name: 'key', key: 'key' };
const commitmentPolicy = 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT';

describe('npm run vectors', () => {
  let directory = '';
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-vectors-'));
    const keyring = rawAesKeyring({ namespace: 'vectors', name: 'key', wrappingKey });
    const { message } = await encryptionClient().encrypt(Buffer.from('plaintext'), {
      keyring,
      suite: 0x0478,
    });
    writeFileSync(join(directory, 'message.bin'), message);
    writeFileSync(join(directory, 'plaintext.bin'), 'plaintext');
    writeFileSync(join(directory, 'other.bin'), 'another');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const run = (path: string) =>
    spawnSync('npm', ['run', '--silent', 'vectors', '--', path], { encoding: 'utf8' });
  const vectors = (tests: readonly object[], mutations: readonly object[] = []) => {
    const manifest = {
      format: 'esdk-vectors/1',
      name: 'test',
      keys: { key: { kind: 'aes', material: wrappingKey.toString('base64') } },
      tests: tests.map((test, i) => ({
        id: `test-${i}`,
        ciphertext: 'message.bin',
        commitmentPolicy,
        keyring: rawAes,
        ...test,
      })),
      mutations,
    };
    const file = join(directory, 'manifest.json');
    writeFileSync(file, JSON.stringify(manifest));
    const { status, stdout } = run(file);
    return { status, lines: stdout.trimEnd().split('\n') };
  };

  it.each(['nowhere', ''])('says that it cannot read %j, and exits with 2', (name) => {
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify({ format: 'another/1', tests: [] }));
    const { status, stderr } = run(join(directory, name));
    expect(status).toBe(2);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('counts messages, mutations and what it skipped by keyring type', () => {
    const tests = [
      { expect: 'success', plaintext: 'plaintext.bin', suite: '0x0478' },
      { expect: 'success', keyring: { type: 'moon-phase' } },
    ];
    const { status, lines } = vectors(tests, [{ op: 'append-byte' }, { op: 'duplicate' }]);
    expect(lines).toEqual([
      'skipped: 1 tests with a moon-phase keyring, which is not known here',
      'Vectors: 258 passed, 0 failed, 1 skipped',
    ]);
    expect(status).toBe(0);
  });

  it.each([
    ['a message that should have been refused', { expect: 'reject' }, 'accepted'],
    ['another plaintext', { expect: 'success', plaintext: 'other.bin' }, 'another plaintext'],
    ['another header', { expect: 'success', frameLength: 1 }, 'another frameLength'],
    [
      'a message that should have been accepted',
      { expect: 'success', ciphertext: 'plaintext.bin' },
      'refused',
    ],
  ])('fails on %s', (_, test, reason) => {
    const { status, lines } = vectors([test]);
    expect(lines[0]).toContain(`FAILED test/test-0: ${reason}`);
    expect(lines.at(-1)).toBe('Vectors: 0 passed, 1 failed, 0 skipped');
    expect(status).toBe(1);
  });
});
