import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { errorCode } from '../error-code.ts';
import { undefinedIfThrows } from '../undefined-if-throws.ts';
import type { Files } from './files.ts';

/** `[server]`: the address, the certificate, and the time that an operation may take. */
export function serverSchema(files: Files) {
  return z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8443),
      timeout_ms: z.int().min(1).max(240).default(200),
      tls: tlsSchema(files),
    })
    .transform(({ timeout_ms: timeoutMs, ...row }) => ({ ...row, timeoutMs }));
}

function tlsSchema(files: Files) {
  return z
    .strictObject({
      certificate_file: files.text('certificate'),
      key_file: files.text('private key'),
      client_ca_file: files.text('certificates of client authorities').optional(),
      client_common_names: z.array(z.string().min(1).max(255)).min(1).optional(),
    })
    .transform((row, context) => {
      const { certificate_file: certificate, key_file, client_ca_file: authorities } = row;
      const commonNames = row.client_common_names;
      const clients =
        authorities === undefined || commonNames === undefined ? undefined : { authorities, commonNames };
      if (clients === undefined && (authorities ?? commonNames) !== undefined) {
        context.addIssue('give both client_ca_file and client_common_names');
      }
      if (
        authorities !== undefined &&
        undefinedIfThrows(() => new X509Certificate(authorities)) === undefined
      ) {
        context.addIssue({ code: 'custom', path: ['client_ca_file'], message: 'not a PEM certificate' });
      }
      const key = undefinedIfThrows(() => createPrivateKey(key_file));
      const leaf = undefinedIfThrows(() => new X509Certificate(certificate));
      if (key === undefined)
        context.addIssue({ code: 'custom', path: ['key_file'], message: 'not a PEM private key' });
      if (leaf === undefined) {
        context.addIssue({ code: 'custom', path: ['certificate_file'], message: 'not a PEM certificate' });
      }
      if (key === undefined || leaf === undefined) return z.NEVER;
      if (!leaf.checkPrivateKey(key)) {
        context.addIssue('the private key does not belong to the certificate');
        return z.NEVER;
      }
      const problem = certificateProblem(certificate, key);
      if (problem !== undefined) {
        context.addIssue({ code: 'custom', path: ['certificate_file'], message: problem });
      }
      return { certificate, key, clients };
    });
}

/**
 * Why no TLS server can use a certificate chain; the server itself would find out only at its start. Dates are checked where
 * the chain is served: other commands are needed most when a certificate has expired.
 */
function certificateProblem(cert: string, key: KeyObject): string | undefined {
  try {
    createSecureContext({ cert, key: key.export({ type: 'pkcs8', format: 'pem' }) });
    return undefined;
  } catch (error) {
    return `cannot be used for TLS (${errorCode(error) ?? 'unknown error'})`;
  }
}
