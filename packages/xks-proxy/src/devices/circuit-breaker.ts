import { XksException } from '../errors.ts';
import { isOutage, isSignOfLife } from './failures.ts';
import type { HealthStatus } from './health.ts';
import { type KeyDevice, keyDevice } from './key-device.ts';

/** A device that is left alone for a moment when it fails again and again. */
export interface CircuitBreaker {
  /** Fails at once, as the last call did, while the device is left alone. */
  readonly device: KeyDevice;
  /**
   * `UNAVAILABLE` while the device is left alone, `DEGRADED` when it has failed in the last ten seconds and since then
   * not so often, `ACTIVE` otherwise.
   */
  readonly status: () => HealthStatus;
}

/** What is guarded. */
export interface CircuitBreakerOptions {
  readonly name: string;
  /** The device as it is now; throws an `XksException` while there is none. */
  readonly connected: () => KeyDevice;
  /**
   * Puts right what can be from here, before the second, the fourth and every eighth trial; told why the device is left
   * alone. Never rejects.
   */
  readonly revive: (last: XksException) => Promise<void>;
  /** Told when the device is left alone, and why, and when it works again. */
  readonly onChange: (status: HealthStatus, cause?: unknown) => void;
}

/**
 * Lets calls through until five in a row have failed for reasons of the device. Then none for half a second, one to see
 * whether it works again, and so on. So a request does not spend its time with a device that is out, and one that
 * comes back is not met by all that has waited for it.
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
  /** @param proves whether the device has worked when the work is done */
  const guarded = async <T>(work: () => Promise<T>, { proves }: { proves: boolean }): Promise<T> => {
    const opened = open;
    if (opened !== undefined) startTrial(opened);
    const startedAtMs = performance.now();
    try {
      const result = await work();
      if (proves) succeeded();
      return result;
    } catch (error) {
      // A call of before the circuit was opened has nothing to add; one that ran out of time while others succeeded has
      // waited for its turn.
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
      // It may take longer than any request has time: the one that comes when it is over is the trial.
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
  /** That there is too much to do says nothing of the token, nor does a failure that nobody foresaw. */
  const judge = (error: unknown): void => {
    if (error instanceof XksException && isOutage(error)) failed(error);
    else if (isSignOfLife(error)) succeeded();
  };
  return {
    device: keyDevice(name, (call, options, work) =>
      // A key may only be remembered.
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

/** Why a device is left alone, and until when. */
interface OpenCircuit {
  readonly untilMs: number;
  readonly last: XksException;
  /** How many there will have been when the next is over. */
  readonly trials: number;
  /** Before the trial. */
  revival: 'under-way' | 'done' | undefined;
}

const MAX_FAILURES_IN_ROW = 5;
const OPEN_MS = 500;
// To open everything anew has its price, and a device may be out for long.
const isRevivedBefore = (trials: number) => trials === 2 || trials === 4 || trials % 8 === 0;
const DEGRADED_MS = 10_000;
