import cluster, { type Worker } from 'node:cluster';

/** How many processes there are to be, and who is told of their fates. */
export interface SupervisorOptions {
  readonly processes: number;
  readonly onEvent: (event: SupervisorEvent) => void;
  /** The exit status after which nothing is replaced: all stop, and it is the status of the whole. */
  readonly fatalStatus: number;
  /** Resolves when something has happened to the whole that is to end it with that status. */
  readonly fatal?: Promise<unknown>;
  /**
   * The exit status after which nothing is started any more, before SIGHUP tells that there is hope again: the next
   * process would only fail likewise. Those that serve go on. It is the status of the whole when none is left.
   */
  readonly hopelessStatus: number;
}

/** Something that happened to one of the processes; each keeps its number from 1 on, however often it is replaced. */
export interface SupervisorEvent {
  readonly event: 'worker-started' | 'worker-exited' | 'worker-stuck';
  readonly worker: number;
  readonly pid?: number | undefined;
  /** Exit status, or the name of the signal that ended it. */
  readonly status?: number | string;
}

/** What the supervisor says to a process, and what it hears from one. */
export const SUPERVISION = { stop: 'stop', hangUp: 'hang-up', alive: 'alive' } as const;

/** The number of this process among those of its supervisor, from 1 on; undefined if it has none. */
export function workerNumber(): number | undefined {
  return cluster.isWorker ? Number(process.env[NUMBER]) : undefined;
}

/**
 * Runs this program in several processes that listen on one port, until it is told to stop by SIGTERM or SIGINT. The first
 * has to listen before the others are started: what it cannot do, a refused PIN above all, is not tried so many times. A
 * process that dies is replaced, the sooner the longer it has lived; so is one that gives no sign of life, because its
 * module hangs. SIGHUP goes to all. Resolves to the exit status of the whole.
 */
export function supervise({
  processes,
  onEvent,
  fatal,
  fatalStatus,
  hopelessStatus,
}: SupervisorOptions): Promise<number> {
  const slots = Array.from({ length: processes }, (_, index): Slot => ({ number: index + 1, failures: 0 }));
  let isStopping = false;
  let hasListened = false;
  let isHopeless = false;
  return new Promise((resolve) => {
    let exitStatus = 0;
    let watchedAtMs = performance.now();
    const watch = setInterval(() => {
      const nowMs = performance.now();
      // Who was held up itself has not heard from anybody, and their signs of life still wait to be read.
      const lateMs = Math.max(0, nowMs - watchedAtMs - WATCH_INTERVAL_MS);
      watchedAtMs = nowMs;
      for (const { running, number } of slots) {
        if (running === undefined) continue;
        running.deadlineMs += lateMs;
        if (nowMs < running.deadlineMs) continue;
        onEvent({ event: 'worker-stuck', worker: number, pid: running.worker.process.pid });
        running.worker.process.kill('SIGKILL');
      }
    }, WATCH_INTERVAL_MS);

    const start = (slot: Slot): void => {
      delete slot.restart;
      const worker = cluster.fork({ [NUMBER]: String(slot.number) });
      const startedAtMs = performance.now();
      const running: Running = { worker, deadlineMs: startedAtMs + START_MS };
      slot.running = running;
      onEvent({ event: 'worker-started', worker: slot.number, pid: worker.process.pid });
      worker.on('message', (message: unknown) => {
        if (message !== SUPERVISION.alive || isStopping) return;
        // A sign of life takes nothing from the time of the start.
        running.deadlineMs = Math.max(running.deadlineMs, performance.now() + SILENCE_MS);
      });
      worker.on('listening', () => {
        hasListened = true;
        if (isStopping) return;
        running.deadlineMs = performance.now() + SILENCE_MS;
        if (!isHopeless) for (const slot of slots.filter(isMissing)) start(slot);
      });
      worker.on('error', () => undefined);
      worker.on('exit', (code: number | null, signal: string | null) => {
        delete slot.running;
        onEvent({ event: 'worker-exited', worker: slot.number, status: signal ?? code ?? 0 });
        // Before any of them could listen, the others will fare no better; later it is an outage, and may pass.
        const isFatal = code === fatalStatus || (!hasListened && code !== null && code > 0);
        if (isFatal && !isStopping) stop(code);
        if (isStopping) return ended();
        isHopeless ||= code === hopelessStatus;
        if (isHopeless) return waitForHope();
        slot.failures = performance.now() - startedAtMs > STABLE_MS ? 0 : slot.failures + 1;
        const delayMs = Math.min(BACK_OFF_MS * 2 ** slot.failures, MAX_BACK_OFF_MS);
        slot.restart = setTimeout(() => start(slot), delayMs);
      });
    };
    const waitForHope = (): void => {
      for (const slot of slots) {
        clearTimeout(slot.restart);
        delete slot.restart;
      }
      if (slots.every(isMissing)) stop(hopelessStatus);
    };
    const startFirst = (): void => {
      const [first] = slots.filter(isMissing);
      if (first !== undefined) start(first);
    };
    const ended = (): void => {
      if (slots.some(({ running }) => running !== undefined)) return;
      clearInterval(watch);
      process.off('SIGHUP', hangUp);
      for (const signal of STOP_SIGNALS) process.off(signal, onStopSignal);
      resolve(exitStatus);
    };
    const stop = (status: number): void => {
      exitStatus = Math.max(exitStatus, status);
      if (isStopping) return;
      isStopping = true;
      for (const { running, restart } of slots) {
        clearTimeout(restart);
        if (running === undefined) continue;
        running.deadlineMs = performance.now() + DRAIN_MS;
        if (running.worker.isConnected()) running.worker.send(SUPERVISION.stop);
      }
      ended();
    };
    const onStopSignal = (): void => {
      if (!isStopping) return stop(0);
      // Asked a second time: at once.
      for (const { running } of slots) running?.worker.process.kill('SIGKILL');
      return undefined;
    };
    const hangUp = (): void => {
      // By a message, since the signal itself ends a process that has only begun to start.
      for (const { running } of slots) {
        if (running?.worker.isConnected()) running.worker.send(SUPERVISION.hangUp);
      }
      if (!isHopeless) return;
      isHopeless = false;
      startFirst();
    };
    process.on('SIGHUP', hangUp);
    for (const signal of STOP_SIGNALS) process.on(signal, onStopSignal);
    void fatal?.then(() => stop(fatalStatus));
    startFirst();
  });
}

/** Whether it has no process, and will not get one by itself. */
const isMissing = ({ running, restart }: Slot) => running === undefined && restart === undefined;

interface Slot {
  readonly number: number;
  /** Deaths in a row, each soon after its start. */
  failures: number;
  running?: Running;
  restart?: NodeJS.Timeout;
}

interface Running {
  readonly worker: Worker;
  /** When it is given up, unless it gives a sign of life before. */
  deadlineMs: number;
}

const NUMBER = 'XKS_PROXY_WORKER';
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const WATCH_INTERVAL_MS = 500;
// Opening the tokens and warming them up.
const START_MS = 60_000;
const SILENCE_MS = 5000;
const STABLE_MS = 30_000;
const DRAIN_MS = 10_000;
const BACK_OFF_MS = 50;
const MAX_BACK_OFF_MS = 10_000;
