import type { AuditConfig } from '../config/audit.ts';
import type { ProxyLog } from '../log.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { RecordFields } from '../request-record.ts';
import { type AuditChain, openChain } from './chain.ts';

/** The audit trail of a process. */
export interface AuditTrail {
  /**
   * Writes a record. When the trail is required, resolves once the record is as safe as the configuration wants it, and
   * rejects when that fails or takes longer than `withinMs`; otherwise resolves at once, and the log tells of failures.
   */
  append(event: AuditEvent, fields: () => RecordFields, withinMs: number): Promise<void>;
  /** Writes what is left, and closes the file. */
  close(): Promise<void>;
}

/** What a record is about. */
type AuditEvent = 'started' | 'request' | 'reloaded' | 'reload-refused' | 'stopped';

/** The trail of a proxy that keeps none. */
export const NO_AUDIT: AuditTrail = { append: async () => undefined, close: async () => undefined };

/** Opens the trail. Throws XksProxyError `AUDIT_UNAVAILABLE`. */
export async function openAuditTrail(config: AuditConfig, log: ProxyLog): Promise<AuditTrail> {
  let chain: AuditChain | undefined;
  try {
    chain = await openChain(config);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unknown error';
    throw new XksProxyError('AUDIT_UNAVAILABLE', `the audit trail cannot be opened: ${detail}`, { cause });
  }
  const tellHead = ({ file, head }: AuditChain): void => log.auditHead({ file, ...head });
  tellHead(chain);
  let pending: Pending[] = [];
  let flushing: Promise<void> | undefined;
  let lost = 0;

  const write = async (batch: readonly Pending[]): Promise<void> => {
    const reopened = chain === undefined;
    chain ??= await openChain(config);
    if (reopened) tellHead(chain);
    const fileBefore = chain.file;
    const time = new Date().toISOString();
    const told = lost;
    const gap = told === 0 ? [] : [{ event: 'records-lost', time, count: told }];
    await chain.append([...gap, ...batch.map(({ record }) => record)]);
    if (chain.file !== fileBefore) tellHead(chain);
    if (config.fsync === 'always') await chain.sync();
    // Others may have been lost meanwhile.
    lost -= told;
  };
  const failed = async (batch: readonly Pending[], cause: unknown): Promise<void> => {
    const broken = chain;
    chain = undefined;
    for (const { settled } of batch) settled(cause);
    // Of a row of failures the first is enough for the log.
    if (lost === 0) log.auditFailed(cause);
    lost += batch.length;
    await broken?.close().catch(() => undefined);
  };
  /** All that waits goes into one write, and one sync, so that their time is shared. */
  const flush = async (): Promise<void> => {
    while (pending.length > 0) {
      const batch = pending;
      pending = [];
      try {
        await write(batch);
        for (const { settled } of batch) settled();
      } catch (error) {
        await failed(batch, error);
      }
    }
  };
  const flushed = (): Promise<void> => {
    flushing ??= flush().finally(() => {
      flushing = undefined;
    });
    return flushing;
  };
  const syncing =
    config.fsync === 'interval'
      ? setInterval(() => {
          const synced = chain;
          synced?.sync().catch(async (error: unknown) => {
            if (synced === chain) await failed([], error);
          });
        }, SYNC_INTERVAL_MS).unref()
      : undefined;

  return {
    async append(event, fields, withinMs) {
      if (pending.length >= MAX_PENDING) {
        const full = new Error('too many audit records wait');
        if (lost === 0) log.auditFailed(full);
        lost += 1;
        if (config.required) throw full;
        return;
      }
      const record = { ...fields(), event, time: new Date().toISOString() };
      const written = new Promise<void>((resolve, reject) => {
        pending.push({
          record,
          settled: (cause) => (cause === undefined ? resolve() : reject(cause)),
        });
      });
      written.catch(() => undefined);
      void flushed();
      if (config.required) await within(written, withinMs);
    },
    async close() {
      await flushed();
      clearInterval(syncing);
      if (chain === undefined) return;
      await chain.sync().catch((error: unknown) => log.auditFailed(error));
      tellHead(chain);
      await chain.close();
    },
  };
}

interface Pending {
  readonly record: RecordFields;
  /** Told once that the record is written, or why it is not. */
  readonly settled: (cause?: unknown) => void;
}

async function within(written: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the audit record took too long')), timeoutMs);
  });
  try {
    await Promise.race([written, late]);
  } finally {
    clearTimeout(timer);
  }
}

const MAX_PENDING = 10_000;
const SYNC_INTERVAL_MS = 1000;
