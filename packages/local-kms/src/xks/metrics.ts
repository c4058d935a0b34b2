import type { XksCallRecord, XksOperation } from '../log.ts';
import type { XksFailure } from './failures.ts';

/** What the calls of one operation of a proxy came to. */
export interface XksOperationMetrics {
  readonly operation: XksOperation;
  /** How often it was called. */
  readonly calls: number;
  /** How often it failed, by the name of the failure. */
  readonly failures: Readonly<Partial<Record<XksFailure, number>>>;
  /** The durations of the last 1000 calls, failed ones included. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a proxy has done so far. */
export interface XksMetrics {
  record(call: XksCallRecord): void;
  /** One entry for each operation that was called. */
  read(): readonly XksOperationMetrics[];
}

/** No call yet. */
export function createXksMetrics(): XksMetrics {
  const byOperation = new Map<XksOperation, OperationRecorder>();
  return {
    record(call) {
      const recorder = byOperation.get(call.operation) ?? operationRecorder();
      byOperation.set(call.operation, recorder);
      recorder.record(call);
    },
    read: () => [...byOperation].map(([operation, recorder]) => ({ operation, ...recorder.read() })),
  };
}

type OperationRecorder = ReturnType<typeof operationRecorder>;

function operationRecorder() {
  const durationsMs = new Float64Array(MAX_DURATIONS);
  const failures = new Map<XksFailure, number>();
  let calls = 0;
  return {
    record({ durationMs, failure }: XksCallRecord): void {
      durationsMs[calls % MAX_DURATIONS] = durationMs;
      calls += 1;
      if (failure) failures.set(failure, (failures.get(failure) ?? 0) + 1);
    },
    read() {
      const sorted = durationsMs.slice(0, calls).sort();
      return {
        calls,
        failures: Object.fromEntries(failures),
        p50Ms: percentile(sorted, 50),
        p99Ms: percentile(sorted, 99),
      };
    },
  };
}

/** The smallest of ascending values that so many percent of them are not above. */
function percentile(sorted: Float64Array, percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}

const MAX_DURATIONS = 1000;
