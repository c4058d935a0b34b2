import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { errorCode } from '../error-code.ts';

/** Which process has a lock, as it stands in the lock file. */
export type LockHolder = z.output<typeof lockHolder>;

export const lockHolder = z.strictObject({
  /** The id of this one lock: no other lock ever has the same text. */
  id: z.uuid(),
  host: z.string(),
  /** The boot id of the machine; null if unknown. */
  boot: z.string().nullable(),
  /** The namespace that the process id belongs to: each container has one. null where there is none. */
  namespace: z.string().nullable(),
  pid: z.int().min(1),
  /** When it was started, in ticks since the boot: a later process of the same id is another. null if that is not known. */
  started: z.string().nullable(),
});

/** This process, as the holder of a new lock. */
export function thisProcess(): LockHolder {
  const { started = null } = statusOf(process.pid) ?? {};
  return { id: randomUUID(), ...machine(), pid: process.pid, started };
}

/** Whether a holder can be seen to have ended. One on another machine or in another container cannot. */
export function hasEnded({ host, boot, namespace, pid, started }: LockHolder): boolean {
  const here = machine();
  if (host !== here.host) return false;
  if (boot !== null && here.boot !== null && boot !== here.boot) return true;
  if (namespace !== here.namespace) return false;
  if (!isThere(pid)) return true;
  const status = statusOf(pid);
  // A process that may not be examined is taken to be the holder.
  if (!status || started === null) return false;
  return status.hasExited || status.started !== started;
}

function machine() {
  return {
    host: hostname(),
    boot: readable(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? null,
    namespace: readable(() => readlinkSync('/proc/self/ns/pid')) ?? null,
  };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** What /proc says of a process (proc(5)), if it is the /proc of our own process ids. */
function statusOf(pid: number): { readonly hasExited: boolean; readonly started: string } | undefined {
  if (readable(() => readlinkSync('/proc/self')) !== String(process.pid)) return undefined;
  const text = readable(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name of the program, in parentheses, may hold anything. After it come the state, and as the twentieth the start.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, started] = [fields[0], fields[19]];
  if (state === undefined || started === undefined) return undefined;
  // A process that its parent has not waited for yet is still listed.
  return { hasExited: state === 'Z' || state === 'X', started };
}

function readable(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
