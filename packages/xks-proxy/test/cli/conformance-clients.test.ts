import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findModule } from '@holdfast/pkcs11/testing';
import { expect, it, onTestFinished } from 'vitest';
import { clientAuthority } from '../fixtures/client-certificates.ts';
import { runCommandHere as command } from '../fixtures/command.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { REGION, startTestProxy } from '../fixtures/proxy.ts';

it.skipIf(findModule() === undefined)(
  'xks-proxy conformance examines a proxy that asks for client certificates with one that it takes',
  async () => {
    const folder = temporaryFolder();
    const file = (name: string) => join(folder, name);
    const authority = await clientAuthority();
    const { cert, key } = await authority.issue(['kms.example']);
    const { key: otherKey } = await authority.issue(['kms.example']);
    for (const [name, text] of Object.entries({ cert, key, otherKey, clients: authority.certificatePem })) {
      writeFileSync(file(name), text);
    }
    const proxy = await startTestProxy((toml) =>
      toml.replace(
        'key_file = "server.key"\n',
        `key_file = "server.key"\nclient_ca_file = "${file('clients')}"\nclient_common_names = ["kms.example"]\n`,
      ),
    );
    onTestFinished(() => proxy.close());
    writeFileSync(file('server-ca'), proxy.ca);
    const run = (certificate: string, key: string) => {
      const options = {
        '--endpoint': 'https://localhost',
        '--connect-to': `127.0.0.1:${proxy.port}`,
        '--ca': file('server-ca'),
        '--path-prefix': '/acme',
        '--region': REGION,
        '--access-key-id': proxy.credentials.acme.accessKeyId,
        '--secret-access-key-file': join(proxy.directory, 'acme.secret'),
        '--key': 'orders',
        ...(certificate !== '' && { '--client-certificate-file': file(certificate) }),
        ...(key !== '' && { '--client-key-file': file(key) }),
      };
      return command('conformance', ...Object.entries(options).flat());
    };

    const examined = await run('cert', 'key');
    expect(examined).toMatchObject({ status: 0, stderr: '' });
    expect(examined.stdout).not.toContain('needs a client certificate');
    // The forged certificate is refused for its signature, and for no other fault.
    expect(proxy.logText()).toContain('CERT_SIGNATURE_FAILURE');

    expect(await run('', '')).toMatchObject({ status: 1, stdout: '' });
    expect(await run('cert', '')).toMatchObject({ status: 2, stdout: '' });
    expect(await run('', 'key')).toMatchObject({ status: 2, stdout: '' });
    expect(await run('cert', 'otherKey')).toMatchObject({ status: 2, stdout: '' });
  },
);
