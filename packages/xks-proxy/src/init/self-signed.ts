import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';

/** A certificate and its private key, as PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Has `openssl` make a self-signed certificate, ECDSA P-256 and valid for 90 days: for trials, since AWS KMS requires one
 * of a public authority. Rejects with XksProxyError `CHANGE_REFUSED` if there is no openssl, or if it refuses the name: a
 * common name has 64 characters at most.
 */
export async function selfSigned(hostName: string): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'xks-proxy-'));
  const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  try {
    await promisify(execFile)('openssl', [
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 90'.split(' '),
      '-subj',
      `/CN=${hostName}`,
      '-addext',
      `subjectAltName=DNS:${hostName}`,
      '-addext',
      'extendedKeyUsage=serverAuth',
      '-keyout',
      keyFile,
      '-out',
      certificateFile,
    ]);
    return { certificate: await readFile(certificateFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  } catch (cause) {
    const what =
      errorCode(cause) === 'ENOENT'
        ? 'there is no openssl on this machine'
        : `openssl made no certificate (${reasonIn(cause)})`;
    const remedy = 'give --certificate-file and --key-file';
    throw new XksProxyError('CHANGE_REFUSED', `${what}: ${remedy}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first line that openssl printed, apart from its progress. */
function reasonIn(error: unknown): string {
  const printed = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const line = printed.split('\n').find((text) => /[a-z]{3}/i.test(text));
  return (line ?? 'it does not say why').replaceAll(/[^\x20-\x7e]/g, '?');
}
