import type { AuditConfig } from '../config/audit.ts';
import type { ProxyLog } from '../log.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { RecordFields } from '../request-record.ts';
import { type AuditChain, openChain } from './chain.ts';
import { BROKEN_CHAIN_REMEDY } from './chain-end.ts';
import { lockChain } from './chain-lock.ts';

/** The audit trail of a process. */
export interface AuditTrail {
  /**
   * Writes a record. When the trail is required, resolves once the record is as safe as the configuration wants it, and
   * rejects when that fails or takes longer than `withinMs`; otherwise resolves at once, and the log tells of failures.
   */
  append(event: AuditEvent, fields: () => RecordFields, withinMs: number): Promise<void>;
  /**
   * Whether requests are refused since the trail is required and the last record could not be written in time. The trail
   * finds out by itself when it can be written again: no request may come as long as the proxy tells that it is out.
   */
  isRefusing(): boolean;
  /** Writes what is left, and closes the file. */
  close(): Promise<void>;
}

/** What a record is about. */
type AuditEvent = 'started' | 'request' | 'reloaded' | 'reload-refused' | 'stopped';

/** The trail of a proxy that keeps none. */
export const NO_AUDIT: AuditTrail = {
  append: async () => undefined,
  isRefusing: () => false,
  close: async () => undefined,
};

/** Opens the trail, for this process alone. Throws XksProxyError `AUDIT_UNAVAILABLE`. */
export async function openAuditTrail(config: AuditConfig, log: ProxyLog): Promise<AuditTrail> {
  const { chain, unlock } = await openAlone(config);
  const tellHead = (): void => log.auditHead({ file: chain.file, ...chain.head });
  tellHead();
  let pending: Pending[] = [];
  let flushing: Promise<void> | undefined;
  let lost = 0;
  let isOut = false;
  let isRefusing = false;

  const write = async (batch: readonly Pending[]): Promise<void> => {
    const fileBefore = chain.file;
    const time = new Date().toISOString();
    const told = lost;
    const gap = told === 0 ? [] : [{ event: 'records-lost', time, count: told }];
    const records = [...gap, ...batch.map(({ record }) => record)];
    if (records.length > 0) {
      await chain.append(records);
      if (chain.file !== fileBefore) tellHead();
      if (config.fsync === 'always') await chain.sync();
    }
    // Others may have been lost meanwhile.
    lost -= told;
    isOut = false;
    isRefusing = false;
  };
  const failed = (cause: unknown, records: number): void => {
    lost += records;
    // The first of several failures in a row is enough for the log.
    if (isOut) return;
    isOut = true;
    log.auditFailed(cause);
    tellHead();
  };
  /**
   * All that waits goes into one write, and one sync, so that their time is shared. Where nothing waits, what is written is
   * the number of records that were lost, if there are any.
   */
  const flush = async (): Promise<void> => {
    do {
      const batch = pending;
      pending = [];
      try {
        await write(batch);
        for (const { settled } of batch) settled();
      } catch (error) {
        for (const { settled } of batch) settled(error);
        failed(error, batch.length);
      }
    } while (pending.length > 0);
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
          chain.sync().catch((error: unknown) => failed(error, 0));
        }, SYNC_INTERVAL_MS).unref()
      : undefined;
  const mending = setInterval(() => {
    if (isRefusing) void flushed();
  }, MEND_INTERVAL_MS).unref();
  const refuse = (cause: unknown): never => {
    isRefusing = true;
    throw cause;
  };

  return {
    async append(event, fields, withinMs) {
      if (pending.length >= MAX_PENDING) {
        const full = new Error('too many audit records wait');
        failed(full, 1);
        if (config.required) refuse(full);
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
      if (config.required) await within(written, withinMs).catch(refuse);
    },
    isRefusing: () => isRefusing,
    async close() {
      clearInterval(mending);
      await flushed();
      clearInterval(syncing);
      await chain.sync().catch((error: unknown) => log.auditFailed(error));
      tellHead();
      try {
        await chain.close();
      } finally {
        await unlock();
      }
    },
  };
}

async function openAlone(config: AuditConfig): Promise<{ chain: AuditChain; unlock: () => Promise<void> }> {
  let unlock: (() => Promise<void>) | undefined;
  try {
    unlock = await lockChain(config);
    return { chain: await openChain(config), unlock };
  } catch (cause) {
    await unlock?.();
    const what = cause instanceof Error ? cause.message : 'unknown error';
    const detail = cause instanceof XksProxyError ? `${what}: ${BROKEN_CHAIN_REMEDY}` : what;
    throw new XksProxyError('AUDIT_UNAVAILABLE', `the audit trail cannot be opened: ${detail}`, { cause });
  }
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
const MEND_INTERVAL_MS = 1000;
