import { X509Certificate } from 'node:crypto';
import { XksProxyError } from '../proxy-error.ts';
import type { ProxyConfig, TlsConfig } from './config.ts';

/** A configuration to serve after a reload. */
export interface ReloadedConfig {
  readonly config: ProxyConfig;
  /** Why its new certificate is not served, and when it becomes valid if that is still to come. */
  readonly keptOut?: { readonly problem: string; readonly validFromMs: number | undefined };
}

/** Throws XksProxyError `CONFIG_INVALID` for a certificate that has expired or is not valid yet. */
export function refuseOutsideDates({ certificate }: TlsConfig): void {
  const problem = datesProblem(new X509Certificate(certificate));
  if (problem !== undefined) throw refused(problem);
}

/** Throws XksProxyError `CONFIG_INVALID` for a certificate that has expired, but not for one that will become valid. */
export function refuseOutdated({ certificate }: TlsConfig): void {
  const { validTo } = new X509Certificate(certificate);
  if (Date.now() > Date.parse(validTo)) throw refused(expired(validTo));
}

/**
 * The configuration to serve after another one. If its certificate is outside its dates, the one that is served now stays;
 * the other changes, such as a blocked key, must not wait for it. The certificate that is served now is not checked again.
 */
export function withValidCertificate(
  config: ProxyConfig,
  { server: { tls: served } }: ProxyConfig,
): ReloadedConfig {
  const { tls } = config.server;
  if (tls.certificate === served.certificate) return { config };
  const leaf = new X509Certificate(tls.certificate);
  const problem = datesProblem(leaf);
  if (problem === undefined) return { config };
  const { certificate, key } = served;
  const validFromMs = Date.parse(leaf.validFrom);
  return {
    config: { ...config, server: { ...config.server, tls: { ...tls, certificate, key } } },
    keptOut: { problem, validFromMs: validFromMs > Date.now() ? validFromMs : undefined },
  };
}

/** Why clients refuse a certificate at some time because of its dates; undefined if they do not. */
export function datesProblem({ validFrom, validTo }: X509Certificate, now = new Date()): string | undefined {
  if (now.getTime() < Date.parse(validFrom)) return `is not valid before ${validFrom}`;
  if (now.getTime() > Date.parse(validTo)) return expired(validTo);
  return undefined;
}

const expired = (validTo: string) => `has expired on ${validTo}`;

const refused = (problem: string) =>
  new XksProxyError('CONFIG_INVALID', `server.tls.certificate_file: the certificate ${problem}`);
