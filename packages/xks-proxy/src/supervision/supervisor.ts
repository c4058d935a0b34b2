import cluster, { type Worker } from 'node:cluster';
import { errorCode } from '../error-code.ts';

/** How many processes there are, what they are given, and what is called when something happens to them. */
export interface SupervisorOptions {
  readonly processes: number;
  /** What each process is given at its start, as JSON: a later one works with the same as the first. */
  readonly settings?: unknown;
  readonly onEvent: (event: SupervisorEvent) => void;
  /** The exit status of a process after which none is replaced: all stop, and it becomes the status of the whole. */
  readonly fatalStatus: number;
  /** Resolves when something has happened to the whole that is to end it with that status. */
  readonly fatal?: Promise<unknown>;
  /**
   * The exit status of a process after which no other one is started until SIGHUP: the next process would only fail in the
   * same way. Those that serve go on. It is the status of the whole when none is left.
   */
  readonly haltStatus: number;
}

/** Something that happened to one of the processes; each keeps its number from 1 on, however often it is replaced. */
export interface SupervisorEvent {
  /** `worker-not-started`: the system refuses another process. It is asked again after a while. */
  readonly event: 'worker-started' | 'worker-not-started' | 'worker-exited' | 'worker-stuck';
  readonly worker: number;
  readonly pid?: number | undefined;
  /** Exit status, or the name of the signal that ended it, or of the error that kept it from its start. */
  readonly status?: number | string;
  /** With `worker-exited`: whether the process ended well because all were told to stop. */
  readonly isAsked?: boolean;
}

/** What the supervisor says to a process besides its settings, and what it hears from one. */
export const SUPERVISION = {
  stop: 'stop',
  hangUp: 'hang-up',
  alive: 'alive',
  askSettings: 'ask-settings',
} as const;

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
export function supervise(options: SupervisorOptions): Promise<number> {
  return new Promise((resolve) => new Supervisor(options, resolve).run());
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #onEnd: (exitStatus: number) => void;
  readonly #slots: readonly Slot[];
  readonly #signals: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGHUP', () => this.#hangUp()],
    ['SIGTERM', () => this.#stopOrKill()],
    ['SIGINT', () => this.#stopOrKill()],
  ];
  #watch: NodeJS.Timeout | undefined;
  #watchedAtMs = performance.now();
  #hasListened = false;
  #isHalted = false;
  #isStopping = false;
  #exitStatus = 0;

  constructor(options: SupervisorOptions, onEnd: (exitStatus: number) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    this.#slots = Array.from({ length: options.processes }, (_, index) => ({
      number: index + 1,
      failures: 0,
    }));
  }

  run(): void {
    const { fatal, fatalStatus } = this.#options;
    for (const [signal, listener] of this.#signals) process.on(signal, listener);
    this.#watch = setInterval(() => this.#killSilent(), WATCH_INTERVAL_MS);
    void fatal?.then(() => this.#stop(fatalStatus));
    this.#startFirst();
  }

  #startFirst(): void {
    const first = this.#slots.find(isMissing);
    if (first !== undefined) this.#start(first);
  }

  #start(slot: Slot): void {
    delete slot.restart;
    let worker: Worker;
    try {
      worker = cluster.fork({ [NUMBER]: String(slot.number) });
    } catch (error) {
      this.#notStarted(slot, error);
      return;
    }
    this.#follow(slot, worker);
  }

  #follow(slot: Slot, worker: Worker): void {
    const { pid } = worker.process;
    const startedAtMs = performance.now();
    const running: Running = { worker, startedAtMs, deadlineMs: startedAtMs + START_MS };
    slot.running = running;
    // A message that could not be sent, for example: the process has ended, or is about to.
    worker.on('error', () => undefined);
    if (pid === undefined) {
      // A process that could not be made has no other event.
      worker.once('error', (error) => this.#notStarted(slot, error));
      return;
    }
    this.#options.onEvent({ event: 'worker-started', worker: slot.number, pid });
    worker.on('message', (message: unknown) => {
      // By a message, since systems bound the length of the environment. On request, since one that is sent before the
      // process listens for messages is lost.
      if (message === SUPERVISION.askSettings) {
        worker.send({ settings: this.#options.settings });
        if (this.#isStopping) worker.send(SUPERVISION.stop);
      }
      if (message !== SUPERVISION.alive || this.#isStopping) return;
      // A sign of life does not shorten the time that a start may take.
      running.deadlineMs = Math.max(running.deadlineMs, performance.now() + SILENCE_MS);
    });
    worker.on('listening', () => {
      this.#hasListened = true;
      if (this.#isStopping) return;
      running.deadlineMs = performance.now() + SILENCE_MS;
      if (!this.#isHalted) for (const other of this.#slots.filter(isMissing)) this.#start(other);
    });
    worker.on('exit', (code: number | null, signal: string | null) => {
      const status = signal ?? code ?? 0;
      const isAsked = this.#isStopping && status === 0;
      this.#options.onEvent({ event: 'worker-exited', worker: slot.number, status, isAsked });
      this.#gone(slot, code);
    });
  }

  /** The system has refused a process: there are too many of them, or of open files, or too little memory. */
  #notStarted(slot: Slot, error: unknown): void {
    const { worker } = slot.running ?? {};
    // The channel to a process that is not there would keep this one.
    if (worker?.isConnected()) worker.process.disconnect();
    const status = errorCode(error) ?? 'unknown error';
    this.#options.onEvent({ event: 'worker-not-started', worker: slot.number, status });
    this.#gone(slot, null);
  }

  /** Sees to the slot of a process that has ended, or never was one. */
  #gone(slot: Slot, code: number | null): void {
    const { fatalStatus, haltStatus } = this.#options;
    const livedMs = performance.now() - (slot.running?.startedAtMs ?? Number.POSITIVE_INFINITY);
    delete slot.running;
    // As long as no process has listened, the others would fail in the same way; later it is an outage, and may pass.
    const isFatal = code === fatalStatus || (!this.#hasListened && code !== null && code > 0);
    if (isFatal && !this.#isStopping) this.#stop(code);
    if (this.#isStopping) return this.#endIfNoneIsLeft();
    this.#isHalted ||= code === haltStatus;
    if (this.#isHalted) return this.#halt();
    slot.failures = livedMs > STABLE_MS ? 0 : slot.failures + 1;
    const delayMs = Math.min(BACK_OFF_MS * 2 ** slot.failures, MAX_BACK_OFF_MS);
    slot.restart = setTimeout(() => this.#start(slot), delayMs);
  }

  #halt(): void {
    for (const slot of this.#slots) {
      clearTimeout(slot.restart);
      delete slot.restart;
    }
    if (this.#slots.every(isMissing)) this.#stop(this.#options.haltStatus);
  }

  #hangUp(): void {
    // By a message, since the signal itself ends a process that has only begun to start.
    for (const { running } of this.#slots) {
      if (running?.worker.isConnected()) running.worker.send(SUPERVISION.hangUp);
    }
    if (!this.#isHalted) return;
    this.#isHalted = false;
    this.#startFirst();
  }

  #stopOrKill(): void {
    if (!this.#isStopping) return this.#stop(0);
    // Asked a second time: at once.
    for (const { running } of this.#slots) running?.worker.process.kill('SIGKILL');
  }

  #stop(status: number): void {
    this.#exitStatus = Math.max(this.#exitStatus, status);
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const { running, restart } of this.#slots) {
      clearTimeout(restart);
      if (running === undefined) continue;
      running.deadlineMs = performance.now() + DRAIN_MS;
      if (running.worker.isConnected()) running.worker.send(SUPERVISION.stop);
    }
    this.#endIfNoneIsLeft();
  }

  #endIfNoneIsLeft(): void {
    if (this.#slots.some(({ running }) => running !== undefined)) return;
    clearInterval(this.#watch);
    for (const [signal, listener] of this.#signals) process.off(signal, listener);
    this.#onEnd(this.#exitStatus);
  }

  #killSilent(): void {
    const nowMs = performance.now();
    // A supervisor that was itself held up has read no signs of life meanwhile; they still wait to be read.
    const lateMs = Math.max(0, nowMs - this.#watchedAtMs - WATCH_INTERVAL_MS);
    this.#watchedAtMs = nowMs;
    for (const { running, number } of this.#slots) {
      if (running === undefined) continue;
      running.deadlineMs += lateMs;
      if (nowMs < running.deadlineMs) continue;
      this.#options.onEvent({ event: 'worker-stuck', worker: number, pid: running.worker.process.pid });
      running.worker.process.kill('SIGKILL');
    }
  }
}

/** Whether a slot has no process, and none will be started for it by itself. */
const isMissing = ({ running, restart }: Slot) => running === undefined && restart === undefined;

interface Slot {
  readonly number: number;
  /** The number of processes in a row that ended soon after their start. */
  failures: number;
  running?: Running;
  restart?: NodeJS.Timeout;
}

interface Running {
  readonly worker: Worker;
  readonly startedAtMs: number;
  /** When the process is given up, unless it gives a sign of life earlier. */
  deadlineMs: number;
}

const NUMBER = 'XKS_PROXY_WORKER';
const WATCH_INTERVAL_MS = 500;
// Tokens are opened and warmed up in this time.
const START_MS = 60_000;
const SILENCE_MS = 5000;
const STABLE_MS = 30_000;
const DRAIN_MS = 10_000;
const BACK_OFF_MS = 50;
const MAX_BACK_OFF_MS = 10_000;
