import { X509Certificate } from 'node:crypto';
import { XksProxyError } from '../proxy-error.ts';
import type { ProxyConfig, TlsConfig } from './config.ts';

/** A configuration to serve, and what it does without. */
export interface ReloadedConfig {
  readonly config: ProxyConfig;
  /** The certificate that is kept out, and when its time comes if that lies ahead. */
  readonly keptOut?: { readonly problem: string; readonly validFromMs: number | undefined };
}

/** Throws XksProxyError `CONFIG_INVALID` for a certificate that has expired or is not valid yet. */
export function refuseOutsideDates({ certificate }: TlsConfig): void {
  const problem = datesProblem(new X509Certificate(certificate));
  if (problem !== undefined) throw refused(problem);
}

/** Throws XksProxyError `CONFIG_INVALID` for a certificate that has expired. One that is early has its time to come. */
export function refuseOutdated({ certificate }: TlsConfig): void {
  const { validTo } = new X509Certificate(certificate);
  if (Date.now() > Date.parse(validTo)) throw refused(expired(validTo));
}

/**
 * What is served of a configuration that follows another one: a certificate outside its dates leaves the one that is served
 * in its place. All else must not wait for it, such as a key that is blocked. The one that is served already is not judged
 * again.
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

/** Why clients refuse a certificate at a time, if its dates are the reason. */
export function datesProblem({ validFrom, validTo }: X509Certificate, now = new Date()): string | undefined {
  if (now.getTime() < Date.parse(validFrom)) return `is not valid before ${validFrom}`;
  if (now.getTime() > Date.parse(validTo)) return expired(validTo);
  return undefined;
}

const expired = (validTo: string) => `has expired on ${validTo}`;

const refused = (problem: string) =>
  new XksProxyError('CONFIG_INVALID', `server.tls.certificate_file: the certificate ${problem}`);
