import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '@holdfast/testbed/command-line';
import { describe, expect, it, onTestFinished } from 'vitest';
import { invocation } from '../../src/cli/invocation.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { writeConfigWithFiles } from '../fixtures/store-files.ts';

describe('the start of a command that is to be run next', () => {
  it.each([
    [join(process.cwd(), 'dist', 'cli', 'main.js'), 'node dist/cli/main.js'],
    ['/opt/proxy/dist/cli/main.js', 'node /opt/proxy/dist/cli/main.js'],
    ['/opt/bin/xks-proxy', 'node /opt/bin/xks-proxy'],
    ["/opt/my proxy's/main.js", String.raw`node '/opt/my proxy'\''s/main.js'`],
    ['/usr/local/bin/xks-proxy', 'xks-proxy'],
    ['/opt/app/node_modules/.bin/xks-proxy', 'npx xks-proxy'],
  ])('of %s is %s', (script, start) => {
    expect(invocation(script, '/usr/local/bin:/usr/bin')).toBe(start);
  });

  it('is one that works, from a clone and from a link on the path', async () => {
    const files = await writeConfigWithFiles();
    onTestFinished(() => files.dispose());
    const bin = temporaryFolder();
    const [script = expect.unreachable()] = commandLine('xks-proxy');
    // As npm does when it links a program.
    chmodSync(script, 0o755);
    symlinkSync(script, join(bin, 'xks-proxy'));
    const env = { ...process.env, ...files.environment, PATH: `${bin}:${process.env['PATH']}` };
    const shell = (command: string) => execFileSync('sh', ['-c', command], { env, encoding: 'utf8' });
    for (const [start, printed] of [
      [`node ${script}`, 'node '],
      ['xks-proxy', 'xks-proxy '],
    ] as const) {
      const added = shell(`${start} credentials add --config ${files.configFile} --store acme`);
      const [, next = ''] = /^next: (.+)$/m.exec(added) ?? [];
      expect(next.startsWith(printed)).toBe(true);
      expect(shell(next)).toContain('for the AWS console: ');
      for (const file of ['acme.console.json', 'acme.console.json.credential'])
        rmSync(join(files.directory, file));
    }
  });
});
