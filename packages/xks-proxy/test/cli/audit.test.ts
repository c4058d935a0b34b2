import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openChain } from '../../src/audit/chain.ts';
import { runCommandHere as run } from '../fixtures/command.ts';
import { temporaryFolder } from '../fixtures/folder.ts';

async function trail(name = 'audit') {
  const directory = temporaryFolder();
  const chain = await openChain({ directory, chain: name, maxFileBytes: 1 << 20 });
  await chain.append([{ event: 'started', name }, { event: 'request' }, { event: 'stopped' }]);
  await chain.close();
  return { directory, file: join(directory, `${name}-00000001.jsonl`), hash: chain.head.hash };
}

describe('xks-proxy audit verify', () => {
  it('ends with 0 for a trail that is whole, and tells its last hash', async () => {
    const { directory, hash } = await trail();
    const { status, stdout, stderr } = await run('audit', 'verify', directory, '--head', hash);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const whole = `audit: 3 records in 1 files, whole; the last one has hash ${hash}\n`;
    expect(stdout).toBe(`${whole}audit: 0 records follow ${hash}\n`);
    const ended = await run('audit', 'verify', directory, '--last', hash);
    expect({ status: ended.status, stdout: ended.stdout }).toEqual({ status: 0, stdout });
  });

  it('ends with 1 where a record follows the last one that is known, and tells it of any that is known', async () => {
    const { directory, hash } = await trail();
    const chain = await openChain({ directory, chain: 'audit', maxFileBytes: 1 << 20 });
    await chain.append([{ event: 'forged' }]);
    await chain.close();
    const [some, last] = [
      await run('audit', 'verify', directory, '--head', hash),
      await run('audit', 'verify', directory, '--last', hash, '--json'),
    ];
    expect([some.status, last.status]).toEqual([0, 1]);
    expect(some.stdout).toContain(`audit: 1 records follow ${hash}\n`);
    expect(JSON.parse(last.stdout)).toMatchObject([
      { findings: [{ problem: 'added', line: 4, head: hash }], known: [{ hash, followedBy: 1 }] },
    ]);
  });

  it('ends with 1 and the place for one that is not', async () => {
    const { file, hash } = await trail();
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"request"', '"Request"'));
    const changed = await run('audit', 'verify', file);
    expect(changed.status).toBe(1);
    expect(changed.stdout).toContain(`${file}:2: changed: `);
    writeFileSync(file, text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1));
    const [shortened, unnoticed] = [
      await run('audit', 'verify', file, '--head', hash, '--json'),
      await run('audit', 'verify', file),
    ];
    expect(shortened.status).toBe(1);
    expect(JSON.parse(shortened.stdout)).toMatchObject([{ findings: [{ problem: 'head-missing' }] }]);
    expect(unnoticed.status).toBe(0);
  });

  it('looks for every hash that is given, and names those that are not there', async () => {
    const [one, other] = [await trail(), await trail('w2')];
    const verify = ['audit', 'verify', one.directory, other.directory];
    const heads = ['--head', one.hash, '--head', other.hash];
    expect((await run(...verify, ...heads)).status).toBe(0);
    const text = readFileSync(one.file, 'utf8');
    writeFileSync(one.file, text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1));
    const { status, stdout } = await run(...verify, ...heads);
    expect(status).toBe(1);
    expect(stdout).toContain(`(${one.hash})`);
    expect(stdout).not.toContain(`(${other.hash})`);
  });

  it('tells chains of one name apart by their directories, and why files of one name are no single chain', async () => {
    const [archived, live] = [await trail(), await trail()];
    const names = [archived, live].map(({ directory }) => join(directory, 'audit'));
    const given = await run('audit', 'verify', archived.directory, live.directory);
    const single = await run('audit', 'verify', archived.file, live.file);
    const json = await run('audit', 'verify', archived.file, live.file, '--json');
    expect([given.status, single.status]).toEqual([0, 0]);
    for (const { stdout } of [given, single]) {
      for (const name of names) expect(stdout).toContain(`${name}: 3 records in 1 files, whole; `);
    }
    const twice = names.map((name) => single.stdout.includes(`${name}: verified apart, `));
    expect(twice).toEqual([true, true]);
    expect(given.stdout).not.toContain('verified apart');
    expect(JSON.parse(json.stdout)).toMatchObject([
      { directory: archived.directory, numberTwice: 1 },
      { directory: live.directory, numberTwice: 1 },
    ]);
  });

  it('does not take nothing for a trail, nor anything for a hash', async () => {
    const [empty, missing, hash] = [
      await run('audit', 'verify', temporaryFolder()),
      await run('audit', 'verify', join(temporaryFolder(), 'nothing')),
      await run('audit', 'verify', temporaryFolder(), '--head', 'abc'),
    ];
    expect([empty.status, missing.status, hash.status]).toEqual([1, 1, 2]);
    expect(missing.stderr).toMatch(/nothing: there is no such directory or file\n$/);
    expect(missing.stderr).not.toContain('ENOENT');
  });

  it('does not look for the beginning of one chain in several', async () => {
    const [one, other] = [await trail(), await trail('w2')];
    const paths = [one.directory, other.directory];
    expect((await run('audit', 'verify', ...paths)).status).toBe(0);
    expect((await run('audit', 'verify', ...paths, '--after', one.hash)).status).toBe(2);
  });
});
