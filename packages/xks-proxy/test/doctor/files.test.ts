import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { examineFiles } from '../../src/doctor/files.ts';
import type { FindingCode } from '../../src/doctor/findings.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

/** The findings for a secret with a mode, for a reader who is its owner and for one of its group. */
function findings(mode: string, reader: 'owner' | 'group'): FindingCode[] {
  const folder = temporaryFolder();
  const [config, secret] = [join(folder, 'config.toml'), join(folder, 'pin')];
  writeFileSync(config, 'pin_file = "pin"\n', { mode: 0o600 });
  writeFileSync(secret, '1234\n');
  chmodSync(secret, Number.parseInt(mode, 8));
  const { uid } = statSync(secret);
  const found: FindingCode[] = [];
  examineFiles(config, (code) => void found.push(code), reader === 'owner' ? uid : uid + 1);
  return found;
}

it('a lock is found beside the file that a link leads to', () => {
  const folder = temporaryFolder();
  const [config, shared] = [join(folder, 'config.toml'), join(folder, 'shared')];
  writeFileSync(config, 'keys_file = "keys.toml"\n');
  mkdirSync(shared);
  for (const name of ['keys.toml', 'keys.toml.lock']) writeFileSync(join(shared, name), '');
  symlinkSync('shared/keys.toml', join(folder, 'keys.toml'));
  const found: string[][] = [];
  examineFiles(config, (code, subject) => void found.push([code, subject]));
  expect(found).toEqual([['lock-left', join(shared, 'keys.toml.lock')]]);
});

describe('a secret', () => {
  it.each([
    ['600', 'owner'],
    ['400', 'owner'],
    ['440', 'group'],
    ['640', 'group'],
  ] as const)('of mode %s is well kept from all but its reader, its %s', (mode, reader) => {
    expect(findings(mode, reader)).toEqual([]);
  });

  it.each([
    ['640', 'owner'],
    ['604', 'owner'],
    ['660', 'group'],
    ['444', 'group'],
  ] as const)('of mode %s is exposed to more than its reader, its %s', (mode, reader) => {
    expect(findings(mode, reader)).toEqual(['secret-exposed']);
  });
});
