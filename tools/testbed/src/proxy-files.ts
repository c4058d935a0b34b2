import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './certificates.ts';

/** What AWS KMS is told once, when the external key store is created, and signs every request with. */
export interface ProxyCredential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A new credential in the form that AWS KMS asks for: 20 characters of base32, and 256 bits of secret. */
export function createCredential(): ProxyCredential {
  const letters = Array.from(randomBytes(20), (byte) => BASE32[byte % BASE32.length]);
  return { accessKeyId: letters.join(''), secretAccessKey: randomBytes(32).toString('base64') };
}

/** An external key: its id in AWS, the label of the key on the token, and what is not as usual. */
export interface ProxyKey {
  readonly externalKeyId: string;
  readonly label: string;
  readonly status?: 'ENABLED' | 'DISABLED';
}

/**
 * Writes what an operator gives to the proxy into `directory`: certificate, PIN, secret, and the configuration file
 * that names them, whose path it returns. Only this user can read them.
 */
export function writeProxyFiles(
  directory: string,
  files: {
    certificate: Certificate;
    credential: ProxyCredential;
    token: { modulePath: string; label: string; pin: string };
    region: string;
    store: string;
    keys: readonly ProxyKey[];
  },
): string {
  const { certificate, credential, token } = files;
  const write = (name: string, content: string) => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  write('proxy.pem', certificate.certificatePem);
  write('proxy.key', certificate.keyPem);
  write('pin', token.pin);
  write('secret-access-key', credential.secretAccessKey);
  return write(
    'xks-proxy.toml',
    `[server]
host = "127.0.0.1"
port = 0

[server.tls]
certificate_file = "proxy.pem"
key_file = "proxy.key"

[[tokens]]
module = ${JSON.stringify(token.modulePath)}
label = ${JSON.stringify(token.label)}
pin_file = "pin"

[[stores]]
name = "${files.store}"
path_prefix = "/${files.store}"
regions = ["${files.region}"]

[[stores.credentials]]
access_key_id = "${credential.accessKeyId}"
secret_access_key_file = "secret-access-key"

${files.keys.map(keyToml).join('\n')}`,
  );
}

function keyToml({ externalKeyId, label, status = 'ENABLED' }: ProxyKey): string {
  return `[[stores.keys]]
external_key_id = "${externalKeyId}"
label = "${label}"
status = "${status}"
`;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
