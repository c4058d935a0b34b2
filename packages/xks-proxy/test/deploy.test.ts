import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { isRecord } from '@holdfast/testbed/json';
import { expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { EXIT } from '../src/cli/exit.ts';
import { parseConfig } from '../src/config/config.ts';

const deploy = fileURLToPath(new URL('../deploy/', import.meta.url));
const text = (file: string) => readFileSync(join(deploy, file), 'utf8');

test.each([
  ['softhsm2.toml', 'supplied', 'inline'],
  ['cloudhsm.toml', 'written', 'worker'],
  ['luna.toml', 'appended', 'worker'],
  ['nshield.toml', 'written', 'worker'],
])('the example %s is a configuration, with IVs that are %s', async (file, iv, calls) => {
  const directory = temporaryFolder();
  const authority = await createCertificateAuthority();
  const server = await authority.issue({ commonName: 'localhost', dnsNames: ['localhost'] });
  writeFileSync(join(directory, 'server.pem'), server.certificatePem);
  writeFileSync(join(directory, 'server.key'), server.keyPem);
  writeFileSync(join(directory, 'pin'), '123456\n');
  writeFileSync(join(directory, 'acme.secret'), 'a'.repeat(44));
  const keysFile = '/var/lib/xks-proxy/acme.keys.toml';
  const credentialsFile = join(directory, 'acme.credentials.toml');
  // The comments of the examples have these files made.
  const instead = new Map([keysFile, credentialsFile].map((name) => [name, '']));
  const options = { baseDirectory: directory, instead };
  const { tokens, admin, ivBudget, stores } = parseConfig(text(join('examples', file)), options);
  expect(tokens).toEqual([expect.objectContaining({ iv, calls })]);
  expect(admin).toBeDefined();
  // Counts outlive the process, and the commands for keys and credentials have files to write.
  expect(ivBudget.stateDirectory).toBe('/var/lib/xks-proxy');
  expect(stores).toEqual([expect.objectContaining({ keysFile, credentialsFile, keys: [] })]);
});

test('there is no other example', () => {
  expect(readdirSync(join(deploy, 'examples')).sort()).toEqual([
    'cloudhsm.toml',
    'luna.toml',
    'nshield.toml',
    'softhsm2.toml',
  ]);
});

test('the manifests for Kubernetes are objects with a kind and a name, and pods may do next to nothing', () => {
  const documents = parseAllDocuments(text('kubernetes.yaml'));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const objects = documents.map((document) => plain(document)).filter(isRecord);
  expect(objects.map(({ kind }) => kind)).toEqual([
    'Namespace',
    'ServiceAccount',
    'PersistentVolumeClaim',
    'Deployment',
    'PodDisruptionBudget',
    'Service',
    'NetworkPolicy',
  ]);
  for (const { metadata } of objects) expect(metadata).toMatchObject({ name: 'xks-proxy' });
  expect(objects[2]).toMatchObject({ spec: { accessModes: ['ReadWriteMany'] } });
  expect(objects[3]).toMatchObject({
    spec: {
      template: {
        spec: {
          volumes: [
            { name: 'config' },
            { name: 'state', persistentVolumeClaim: { claimName: 'xks-proxy' } },
            { name: 'tmp' },
          ],
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
              volumeMounts: [
                { name: 'config', readOnly: true },
                { name: 'state', mountPath: '/var/lib/xks-proxy' },
                // One configuration for all pods, with a chain for each of them.
                {
                  name: 'state',
                  mountPath: '/var/lib/xks-proxy/audit',
                  subPathExpr: 'audit/$(POD_NAME)',
                },
                { name: 'tmp' },
              ],
            },
          ],
        },
      },
    },
  });
});

test('the Dockerfile runs as nobody special, and copies what there is', () => {
  const file = text('Dockerfile');
  expect(file).toMatch(/^USER \d+:\d+$/m);
  // A line of Node that gets security fixes, and the same one that the binding was built for.
  expect([...file.matchAll(/^FROM node:(\d+)-/gm)].map(([, major]) => major)).toEqual(['24', '24']);
  const program =
    /^ENTRYPOINT \["node", (?:"--[^"]+", )*"([^"]+)"\]$/m.exec(file)?.[1] ?? expect.unreachable();
  const source = program.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
  expect(readFileSync(fileURLToPath(new URL(`../../../${source}`, import.meta.url)), 'utf8')).toMatch(/^#!/);
});

test('the build of the image sees what it needs, and nothing else that lies in a clone', () => {
  const [first, ...patterns] = text('Dockerfile.dockerignore').split('\n').slice(1, -1);
  expect(first).toBe('*');
  const taken = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  expect(taken).toEqual([
    'docs/package.json',
    'package-lock.json',
    'package.json',
    'packages',
    'tsconfig.base.json',
  ]);
});

test('the unit has the proxy started again whatever it died of, but for a PIN that was refused', () => {
  const unit = text('xks-proxy.service').split('\n');
  expect(unit).toContain('Restart=always');
  expect(unit).toContain(`RestartPreventExitStatus=${EXIT.pinRefused}`);
});

test('the unit and the image have a supervisor, which replaces a proxy that hangs', () => {
  expect(text('xks-proxy.service')).toMatch(/^ExecStart=.* serve --workers 1 --config \S+$/m);
  expect(text('Dockerfile')).toMatch(/^CMD \["serve", "--workers", "1", "--config", "[^"]+"\]$/m);
});

test('the folders that a document has made for the unit are those of the unit, with its user and modes', () => {
  const unit = text('xks-proxy.service');
  const value = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(unit)?.[1];
  const folder = (name: string, parent: string) =>
    `install -d -o ${value('User')} -g ${value('Group')} -m ${value(`${name}Mode`)} ${parent}/${value(name)}`;
  const made = text('../docs/deployment.md').match(/^install -d .+$/gm);
  expect(made).toEqual([folder('ConfigurationDirectory', '/etc'), folder('StateDirectory', '/var/lib')]);
});

test.skipIf(!hasSystemdAnalyze())(
  'systemd takes the unit, and finds it hardly exposed (needs systemd-analyze)',
  () => {
    const unit = join(temporaryFolder(), 'xks-proxy.service');
    // systemd-analyze looks for the program that is started.
    writeFileSync(unit, text('xks-proxy.service').replace('/usr/bin/node', process.execPath));
    const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
    expect(verified.stderr.split('\n').filter((line) => line.includes('xks-proxy.service'))).toEqual([]);
    const exposure = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit]);
    expect(exposure.status).toBe(0);
  },
);

function plain(document: object): unknown {
  return JSON.parse(JSON.stringify(document));
}

function temporaryFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-deploy-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function hasSystemdAnalyze(): boolean {
  try {
    execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
