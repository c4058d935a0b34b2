import { X509Certificate } from 'node:crypto';
import { XksProxyError } from '../proxy-error.ts';
import type { TlsConfig } from './config.ts';

/**
 * Throws XksProxyError `CONFIG_INVALID` for a certificate that no client takes today. The one that is served already is
 * not judged again: when it expires, the proxy still has to follow all else, such as a credential that is revoked.
 */
export function refuseOutdated({ certificate }: TlsConfig, served?: TlsConfig): void {
  if (certificate === served?.certificate) return;
  const problem = datesProblem(new X509Certificate(certificate));
  if (problem === undefined) return;
  throw new XksProxyError('CONFIG_INVALID', `server.tls.certificate_file: the certificate ${problem}`);
}

/** Why clients refuse a certificate at a time, if its dates are the reason. */
export function datesProblem({ validFrom, validTo }: X509Certificate, now = new Date()): string | undefined {
  if (now.getTime() < Date.parse(validFrom)) return `is not valid before ${validFrom}`;
  if (now.getTime() > Date.parse(validTo)) return `has expired on ${validTo}`;
  return undefined;
}
