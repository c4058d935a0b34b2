import type { ProxyConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { XksProxyError } from '../proxy-error.ts';
import { examineAudit } from './audit.ts';
import { examineCalls } from './calls.ts';
import { examineCertificate } from './certificate.ts';
import { examineFiles } from './files.ts';
import { type Finding, finding, type Report } from './findings.ts';
import { examineSameKeys } from './same-keys.ts';
import { examineSettings } from './settings.ts';
import { examineTokens } from './tokens.ts';

/** The proxy to examine. */
export interface DiagnoseOptions {
  /** Absolute path. */
  readonly configFile: string;
  /** Where a proxy with this configuration runs, as KMS calls it; without it one is started for a moment. */
  readonly endpoint?: URL | undefined;
  /** Called with each finding as it is made. */
  readonly onFinding?: (finding: Finding) => void;
}

/**
 * Examines a proxy from its configuration to an answered request, without changing anything. It logs in at the tokens, and
 * has them encrypt and decrypt. Problems are findings, and never rejections.
 */
export async function diagnose({
  configFile,
  endpoint,
  onFinding,
}: DiagnoseOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const report: Report = (...what) => {
    const found = finding(...what);
    findings.push(found);
    onFinding?.(found);
  };
  examineFiles(configFile, report);
  const config = readConfig(configFile, report);
  if (config === undefined) return findings;
  examineSettings(config, report);
  await examineAudit(config, report);
  examineCertificate(config.server.tls.certificate, endpoint?.hostname, report);
  await examineTokens(config, report);
  // A wrong PIN is not offered again: that might lock the token.
  if (findings.some(({ code }) => TOKEN_FAILURES.has(code))) return findings;
  await examineSameKeys(config, report);
  await examineCalls(config, endpoint, report);
  return findings;
}

function readConfig(configFile: string, report: Report): ProxyConfig | undefined {
  try {
    const config = loadConfig(configFile);
    report('config-read', configFile, 'it is right, with all files that it names');
    return config;
  } catch (error) {
    if (!(error instanceof XksProxyError)) throw error;
    for (const line of error.message.split('\n')) report('config-invalid', configFile, line);
    return undefined;
  }
}

const TOKEN_FAILURES: ReadonlySet<Finding['code']> = new Set([
  'binding-missing',
  'module-unusable',
  'token-absent',
  'pin-refused',
  'pin-locked',
  'token-failed',
]);
