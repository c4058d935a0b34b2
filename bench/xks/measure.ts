import type { Endpoint } from '@holdfast/testbed/load/connection';
import { closedLoop, count, type LoadReport, type NextRequest, openLoop } from '@holdfast/testbed/load/loops';
import { processUsage } from '@holdfast/testbed/process-usage';

/** A server under load. */
export interface ServerRun {
  readonly perSecond: number;
  /** Processor time of the server for each request. */
  readonly cpuMicroseconds: number;
}

/** As much as 32 connections carry. Fails if anything but success comes back. */
export async function saturate(
  server: { readonly pid: number; readonly endpoint: Endpoint },
  next: NextRequest,
  durationMs: number,
): Promise<ServerRun> {
  // The first requests of the connections are not counted, and must not be in the processor time either.
  await closedLoop(server.endpoint, next, { connections: CONNECTIONS, durationMs: 200 });
  const before = processUsage(server.pid).cpuMs;
  const report = await closedLoop(server.endpoint, next, { connections: CONNECTIONS, durationMs });
  const requests = count(report, 200) + CONNECTIONS;
  onlySuccess(report);
  return {
    perSecond: (count(report, 200) * 1000) / report.durationMs,
    cpuMicroseconds: ((processUsage(server.pid).cpuMs - before) * 1000) / requests,
  };
}

/** Requests at the rate that AWS grants by default. */
export function atQuota(endpoint: Endpoint, next: NextRequest, durationMs: number): Promise<LoadReport> {
  return openLoop(endpoint, next, { connections: CONNECTIONS, durationMs, perSecond: 1_800 });
}

/** Processor time of one call in this process. */
export async function callCost(call: () => void | Promise<void>, durationMs: number): Promise<number> {
  const endMs = performance.now() + durationMs;
  const before = process.cpuUsage();
  let calls = 0;
  while (performance.now() < endMs) {
    await call();
    calls += 1;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function onlySuccess({ outcomes }: LoadReport): void {
  if (outcomes.size === 1 && outcomes.has(200)) return;
  throw new Error(`a server did not answer with success alone: ${JSON.stringify([...outcomes])}`);
}

const CONNECTIONS = 32;
