import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { chainEnd } from '../audit/chain-end.ts';
import { chainWriter } from '../audit/chain-lock.ts';
import { type AuditFile, auditFiles } from '../audit/files.ts';
import type { ProxyConfig } from '../config/config.ts';
import { isWritable } from '../files/writable.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { Report } from './findings.ts';

/** Examines whether a proxy could go on with its audit trail, and says which process writes it now. */
export async function examineAudit({ audit }: Pick<ProxyConfig, 'audit'>, report: Report): Promise<void> {
  if (audit === undefined) return;
  const { directory, chain: name } = audit;
  if (!isWritable(directory)) return report('audit-unwritable', 'audit', `${directory} cannot be written`);
  if (!existsSync(directory)) return;
  const told = (error: unknown, concerned = ''): undefined => {
    const what = error instanceof Error ? error.message : 'unknown error';
    report(error instanceof XksProxyError ? 'audit-broken' : 'audit-unwritable', 'audit', concerned + what);
  };
  const files = await auditFiles(directory).catch((error: unknown) => told(error));
  const chains = new Set(files?.map(({ chain }) => chain).filter((chain) => isChainOf(name, chain)));
  for (const chain of chains) {
    const missing = await examineChain(files?.filter((file) => file.chain === chain) ?? []).catch(
      (error: unknown) => told(error, `${startOf(name, chain)} fails: `),
    );
    if (missing !== undefined) report('audit-incomplete', 'audit', missing);
    const writer = await chainWriter({ directory, chain });
    if (writer !== undefined) report('audit-in-use', 'audit', `process ${writer} writes the chain ${chain}`);
  }
}

/** The first of what is certainly missing from a chain. Rejects for a chain that a proxy of this user could not open. */
async function examineChain(files: readonly AuditFile[]): Promise<string | undefined> {
  await chainEnd(files);
  const newest = files.at(-1);
  if (newest !== undefined) accessSync(newest.path, constants.W_OK);
  // By numbers and sizes alone: to read all records is the work of `audit verify`.
  for (const [index, { path, number }] of files.slice(0, -1).entries()) {
    if (statSync(path, { throwIfNoEntry: false })?.size === 0) return `${path} was emptied`;
    const next = files[index + 1];
    if (next !== undefined && next.number > number + 1) return `the file before ${next.path} is missing`;
  }
  return undefined;
}

/** The start that goes on with a chain: doctor does not know how many processes there will be. */
function startOf(name: string, chain: string): string {
  if (chain === name) return 'serve without --workers';
  return `serve with --workers ${chain.slice(name.length + 2)} or more`;
}

/** Whether a chain is the one of a configuration, or that of one of several processes with it. */
function isChainOf(name: string, chain: string): boolean {
  return chain === name || (chain.startsWith(`${name}.w`) && /^\d+$/.test(chain.slice(name.length + 2)));
}
