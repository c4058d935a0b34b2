import { XksException } from '../xks-exception.ts';
import { isOutage, isSignOfLife } from './failures.ts';
import type { HealthStatus } from './health.ts';
import { type KeyDevice, keyDevice } from './key-device.ts';

/** A device that gets no calls for a moment after repeated failures: its circuit is open. */
export interface CircuitBreaker {
  /** Rejects at once, with the error of the last call, while the circuit is open. */
  readonly device: KeyDevice;
  /**
   * `UNAVAILABLE` while the circuit is open, `DEGRADED` if a call has failed in the last ten seconds and the circuit is
   * closed, `ACTIVE` otherwise.
   */
  readonly status: () => HealthStatus;
}

/** The device behind a circuit breaker, and how it is revived. */
export interface CircuitBreakerOptions {
  readonly name: string;
  /** The device as it is now; throws an `XksException` while there is none. */
  readonly connected: () => KeyDevice;
  /**
   * Repairs what this process can, before the second, the fourth and every eighth trial; called with the error that opened
   * the circuit. Never rejects.
   */
  readonly revive: (last: XksException) => Promise<void>;
  /** Called when the circuit opens, with the cause, and when the device works again. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
}

/**
 * Lets calls through until five in a row have failed because of the device. Then it lets none through for half a second,
 * then one as a trial, and so on. A request spends no time with a device that is out, and a device that comes back is not
 * met by all requests at once.
 */
export function circuitBreaker({ name, connected, revive, onChange }: CircuitBreakerOptions): CircuitBreaker {
  let failuresInRow = 0;
  let failedAtMs = Number.NEGATIVE_INFINITY;
  let succeededAtMs = Number.NEGATIVE_INFINITY;
  let open: OpenCircuit | undefined;
  let isTried = false;

  const succeeded = (): void => {
    failuresInRow = 0;
    succeededAtMs = performance.now();
    if (open === undefined) return;
    open = undefined;
    onChange('ACTIVE');
  };
  const failed = (error: XksException): void => {
    failuresInRow += 1;
    failedAtMs = performance.now();
    if (failuresInRow < MAX_FAILURES_IN_ROW) return;
    if (open === undefined) onChange('UNAVAILABLE', error);
    const trials = (open?.trials ?? 0) + 1;
    open = { untilMs: failedAtMs + OPEN_MS, last: error, trials, revival: undefined };
  };
  /** @param proves whether success of the work proves that the device works */
  const guarded = async <T>(work: () => Promise<T>, { proves }: { proves: boolean }): Promise<T> => {
    const opened = open;
    if (opened !== undefined) startTrial(opened);
    const startedAtMs = performance.now();
    try {
      const result = await work();
      if (proves) succeeded();
      return result;
    } catch (error) {
      // A call that began before the circuit opened says nothing new; a call that ran out of time while others succeeded has
      // only waited for its turn.
      const isLate = isTimeout(error) && succeededAtMs > startedAtMs;
      if (open === opened && !isLate) judge(error);
      throw error;
    } finally {
      if (opened !== undefined) isTried = false;
    }
  };
  const startTrial = (circuit: OpenCircuit): void => {
    const { untilMs, last, trials } = circuit;
    if (!isTried && performance.now() >= untilMs) {
      if (!isRevivedBefore(trials) || circuit.revival === 'done') {
        isTried = true;
        return;
      }
      // It may take longer than a request has time: the first request after it is the trial.
      circuit.revival ??= startRevival(circuit);
    }
    throw new XksException(last.errorName, last.message, { reason: 'circuit-open', cause: last.cause });
  };
  const startRevival = (circuit: OpenCircuit): 'under-way' => {
    void revive(circuit.last).finally(() => {
      circuit.revival = 'done';
    });
    return 'under-way';
  };
  /** Counts an error as a failure or a sign of life. Too much load, or an unforeseen error, says nothing about the token. */
  const judge = (error: unknown): void => {
    if (error instanceof XksException && isOutage(error)) failed(error);
    else if (isSignOfLife(error)) succeeded();
  };
  return {
    device: keyDevice(name, (call, options, work) =>
      // Finding a key proves nothing: it may be cached.
      guarded(() => work(connected(), options), { proves: call !== 'FindKey' }),
    ),
    status() {
      if (open !== undefined) return 'UNAVAILABLE';
      return performance.now() - failedAtMs < DEGRADED_MS ? 'DEGRADED' : 'ACTIVE';
    },
  };
}

const isTimeout = (error: unknown) =>
  error instanceof XksException && error.errorName === 'DependencyTimeoutException';

/** An open circuit: why, and until when. */
interface OpenCircuit {
  readonly untilMs: number;
  readonly last: XksException;
  /** The number of trials, including the next one. */
  readonly trials: number;
  /** The revival before the next trial; undefined if there is none. */
  revival: 'under-way' | 'done' | undefined;
}

const MAX_FAILURES_IN_ROW = 5;
const OPEN_MS = 500;
// Opening everything anew is expensive, and a device may be out for long.
const isRevivedBefore = (trials: number) => trials === 2 || trials === 4 || trials % 8 === 0;
const DEGRADED_MS = 10_000;
