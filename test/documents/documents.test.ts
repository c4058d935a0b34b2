import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { isRecord } from '@holdfast/testbed/json';
import { parseConfig } from '@holdfast/xks-proxy';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runProgram as runLocalKms } from '../../packages/local-kms/src/cli/program.ts';
import { runProgram as runXksProxy } from '../../packages/xks-proxy/src/cli/program.ts';
import { runHere } from '../../tools/vitest/run-here.ts';

const documents = execFileSync('git', ['ls-files', '*.md'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(file))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

/** The fenced blocks of all documents in one language. */
function blocks(language: string): { file: string; code: string }[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm');
  return documents.flatMap(({ file, text }) =>
    [...text.matchAll(fence)].map(([, code = '']) => ({ file, code })),
  );
}

/** The examples in the docstrings of all packages. */
function docstringExamples(): { file: string; code: string }[] {
  const sources = execFileSync('git', ['ls-files', 'packages/*/src/*.ts'], { encoding: 'utf8' }).split('\n');
  return sources.filter(existsSync).flatMap((file) => {
    const examples = readFileSync(file, 'utf8').matchAll(/^ *\* @example\n((?: *\* [^@].*\n| *\*\n)+)/gm);
    return [...examples].map(([, code = '']) => ({ file, code }));
  });
}

function temporaryFolder(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'documents-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test.each(documents.map(({ file, text }) => [file, text] as const))(
  'every link in %s leads somewhere',
  (file, text) => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => {
      if (target.startsWith('https:')) return false;
      const [path = '', anchor] = target.split('#');
      const destination = path === '' ? file : join(dirname(file), path);
      if (!existsSync(destination)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(destination, 'utf8')).includes(anchor);
    });
    expect(broken).toEqual([]);
  },
);

test('the index of documents lists every document once', () => {
  const index = 'docs/README.md';
  const linked = readFileSync(index, 'utf8').matchAll(/\]\(([^)#]+\.md)\)/g);
  const listed = [...linked].map(([, target = '']) => join(dirname(index), target));
  const others = documents.map(({ file }) => file).filter((file) => file !== index);
  expect(listed.sort()).toEqual(others.sort());
});

test('every path of the repository that a document names exists', () => {
  const path = /`((?:packages|test|tools|examples|docs|bench)\/[\w./-]+)`/g;
  const named = documents.flatMap(({ text }) => [...text.matchAll(path)].map(([, name = '']) => name));
  expect(named.filter((name) => !existsSync(name))).toEqual([]);
});

test('every file on the way of a request that ARCHITECTURE.md shows exists', () => {
  const [, stack = ''] = /```text\n(app\.ts[^]*?)```/.exec(readFileSync('ARCHITECTURE.md', 'utf8')) ?? [];
  const shown = stack.match(/[\w/-]+\.ts/g) ?? [];
  expect(shown).toContain('gate.ts');
  expect(shown.filter((file) => !existsSync(join('packages/xks-proxy/src', file)))).toEqual([]);
});

/** As GitHub makes them from headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each([
  ['packages/sdk/README.md', 'src/errors.ts'],
  ['packages/keyrings/README.md', 'src/internal/errors.ts'],
  ['packages/pkcs11/README.md', 'src/error-codes.ts'],
  ['packages/xks-proxy/README.md', 'src/proxy-error.ts'],
  ['packages/local-kms/README.md', 'src/local-kms-error.ts'],
])('%s explains every error code of its package', (document, source) => {
  const text = readFileSync(join(dirname(document), source), 'utf8');
  const [, union = ''] = /^export type \w+ErrorCode =([^;]+);/m.exec(text) ?? [];
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code);
  const explained = [...readFileSync(document, 'utf8').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(
    ([, code]) => code,
  );
  expect(codes).not.toEqual([]);
  expect(explained).toEqual(codes);
});

describe('every command in a document', () => {
  // What a user types into a console stands behind a prompt, what is answered does not.
  const sessions = blocks('console').map(({ file, code }) => ({
    file,
    code: code
      .replaceAll('\\\n', ' ')
      .replace(/^(?!\$ ).*\n/gm, '')
      .replace(/^\$ /gm, ''),
  }));
  const commands = [...blocks('sh'), ...sessions].flatMap(({ file, code }) =>
    code
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => [line.replace(/\s+#.*$/, '').trim(), file] as const)
      .filter(([command]) => command !== '' && !command.startsWith('#')),
  );

  test.each(commands)('exists: %s, in %s', async (command) => {
    const [program = '', ...words] = command.split(/\s+/);
    expect(Object.keys(checks)).toContain(program);
    await checks[program]?.(words);
  });

  const checks: Readonly<Record<string, (words: readonly string[]) => void | Promise<void>>> = {
    npm([verb = '', ...words]) {
      if (verb === 'ci') return;
      if (verb === 'install') return words.forEach(installed);
      expect(scripts).toHaveProperty(['scripts', verb === 'run' ? (words[0] ?? '') : verb]);
    },
    node([file = '', ...parameters]) {
      // Run by local-kms-state.test.ts.
      if (file === '--input-type=module') return;
      const [, name] = /^packages\/([\w-]+)\/dist\/cli\/main\.js$/.exec(file) ?? [];
      if (name === undefined) return expect(existsSync(file)).toBe(true);
      expect(binOf(name)).toEqual({ [name]: './dist/cli/main.js' });
      return ownCommand(name, parameters);
    },
    'xks-proxy': (words) => ownCommand('xks-proxy', words),
    // Programs of others, which the documents only show how to point at ours. No npx: where a package of ours is not
    // built yet, it would run one of the same name from the public registry.
    alias: () => {},
    aws(words) {
      // Everybody on the machine sees a command line.
      expect(words.join(' ')).not.toContain('Secret');
    },
    // Asked by the tests of what answers there.
    curl([url]) {
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\//);
    },
    cd: () => {},
    export: () => {},
    git: () => {},
    install: () => {},
    mkdir: () => {},
    openssl: () => {},
    'softhsm2-util': () => {},
    // On behalf of another user: `sudo -u NAME PROGRAM …`.
    async sudo([, , program = '', ...words]) {
      expect(Object.keys(checks)).toContain(program);
      await checks[program]?.(words);
    },
    systemctl: () => {},
    useradd: () => {},
  };
});

const scripts: unknown = JSON.parse(readFileSync('package.json', 'utf8'));

/** What is installed by path is a package of ours. */
function installed(name: string): void {
  if (name === '--save-dev') return;
  const [, folder] = /^\.\.\/holdfast\/(.+)$/.exec(name) ?? [];
  if (folder === undefined) return expect(['@aws-sdk/client-kms']).toContain(name);
  expect(existsSync(join(folder, 'package.json'))).toBe(true);
}

/** The commands that a package of ours installs, with their files. */
function binOf(name: string): unknown {
  const manifest: unknown = JSON.parse(readFileSync(join('packages', name, 'package.json'), 'utf8'));
  return isRecord(manifest) ? manifest['bin'] : undefined;
}

const PROGRAMS = { 'xks-proxy': runXksProxy, 'local-kms': runLocalKms } as const;

/** Our own programs know the subcommand and every option. */
async function ownCommand(program: string, words: readonly string[]): Promise<void> {
  if (program !== 'xks-proxy' && program !== 'local-kms') throw new Error(`no program of ours: ${program}`);
  // A command may have commands of its own.
  const isOption = (word: string) => word.startsWith('--');
  const named = words.slice(0, words.findIndex(isOption) < 0 ? words.length : words.findIndex(isOption));
  const { status, stdout } = await runHere(PROGRAMS[program], ...named, '--help');
  expect(status).toBe(0);
  expect(stdout).toContain(`${program} ${named[0] ?? ''}`);
  for (const option of words.filter((word) => word.startsWith('--'))) {
    expect(stdout).toContain(option.replace(/=.*$/, ''));
  }
}

test('every TypeScript block compiles, but for names that the text around it explains', () => {
  // Inside the repository, so that imports lead where they lead for a user.
  const folder = temporaryFolder(join('node_modules', '.cache'));
  for (const [index, { file, code }] of blocks('ts').entries()) {
    writeFileSync(join(folder, `${file.replace(/\W+/g, '-')}-${index}.mts`), `${code}export {};\n`);
  }
  const options = {
    noEmit: true,
    composite: false,
    noUnusedLocals: false,
    customConditions: ['@holdfast/source'],
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../../tsconfig.base.json', compilerOptions: options, include: ['*.mts'] }),
  );
  const { stdout } = spawnSync('node_modules/.bin/tsc', ['-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  const explained = /error TS(2304|18004):/; // a name, and a shorthand property of a name, that is not declared
  const errors = stdout.split('\n').filter((line) => line.startsWith(folder) && line.includes('error TS'));
  expect(errors.filter((line) => !explained.test(line))).toEqual([]);
});

test('git ignores what commands in documents keep in a clone', () => {
  const lines = ['sh', 'console']
    .flatMap(blocks)
    .flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line.includes('/dist/cli/main.js'));
  const options = / --(?:folder|data|passphrase-file|token-pin-file|audit|file|output) ([^/\s]\S*)/g;
  const files = [...new Set([...lines.join('\n').matchAll(options)].map(([, path = '']) => path))];
  expect(files).toContain('xks');
  // A folder is ignored with all that is in it.
  const input = files.map((path) => `${path}/file\n`).join('');
  const { stdout } = spawnSync('git', ['check-ignore', '--stdin'], { encoding: 'utf8', input });
  expect(stdout).toBe(input);
});

test('no example that encrypts under a context opens messages of any other', () => {
  const careless = [...blocks('ts'), ...docstringExamples()].filter(({ code }) => {
    const [, encrypting = ''] = /\.encrypt\(([^]*?)\);/.exec(code) ?? [];
    const hasContext = /encryptionContext/.test(encrypting) || /options = .*encryptionContext/.test(code);
    return hasContext && /\.decrypt\([^;]*\{ (?:keyring|cmm)(?:: \w+)? \}\)/.test(code);
  });
  expect(careless).toEqual([]);
});

test.each(blocks('toml').map(({ file, code }) => [file, code] as const))(
  'the proxy accepts the configuration in %s',
  async (_file, code) => {
    const folder = temporaryFolder(tmpdir());
    const authority = await createCertificateAuthority();
    const certificate = await authority.issue({
      commonName: 'xks',
      dnsNames: ['xks.holdfast.test'],
    });
    const contents: Readonly<Record<string, string>> = {
      certificate_file: certificate.certificatePem,
      key_file: certificate.keyPem,
      client_ca_file: authority.certificatePem,
      password_file: 'sesame',
      pin_file: '1234',
      secret_access_key_file: 'A'.repeat(43),
      credentials_file: `[[credentials]]\naccess_key_id = "${'B'.repeat(20)}"\nsecret_access_key_file = "secret_access_key_file"`,
    };
    writeFileSync(join(folder, 'secret_access_key_file'), 'A'.repeat(43));
    // A page about one part shows that part alone.
    const rest = Object.entries(PARTS).filter(([section]) => !code.includes(section));
    const text = [...rest.map(([, part]) => part), code]
      .join('\n')
      .replace(/\b(\w+_file) = "[^"]+"/g, (_line, field: string) => {
        writeFileSync(join(folder, field), contents[field] ?? '');
        return `${field} = "${field}"`;
      });
    const filled = text.replace('access_key_id = "…"', `access_key_id = "${'A'.repeat(20)}"`);
    expect(() => parseConfig(filled, { baseDirectory: folder })).not.toThrow();
  },
);

const PARTS = {
  '[server]': '[server.tls]\ncertificate_file = "server.pem"\nkey_file = "server.key"',
  '[[tokens]]': '[[tokens]]\nmodule = "module.so"\nlabel = "holdfast"\npin_file = "pin"',
  '[[stores]]': `[[stores]]\nname = "acme"\npath_prefix = "/acme"\nregions = ["eu-north-1"]
[[stores.credentials]]\naccess_key_id = "…"\nsecret_access_key_file = "acme.secret"`,
} as const;
