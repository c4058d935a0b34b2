import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { expect, it } from 'vitest';
import { xksClient } from '../../src/conformance/client.ts';
import { obstacleTo } from '../../src/conformance/obstacle.ts';
import { summary } from '../../src/conformance/report.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Target } from '../../src/conformance/target.ts';
import { targetAt } from '../fixtures/conformance-target.ts';

it('repeats a request that is throttled, and times the answer without the earlier ones', async () => {
  let requests = 0;
  const target = await serving((_incoming, outgoing) => {
    requests += 1;
    if (requests <= 4) outgoing.writeHead(429).end(THROTTLING);
    else outgoing.writeHead(200).end('{}');
  });
  const seen: number[] = [];
  const client = xksClient(target, ({ status }) => seen.push(status));
  const startedAt = performance.now();
  const { status, durationMs } = await client.getHealthStatus();
  expect({ status, seen, requests }).toEqual({ status: 200, seen: [200], requests: 5 });
  // The pauses between them are of 10 ms at least.
  expect(performance.now() - startedAt - durationMs).toBeGreaterThan(30);
  client.close();
});

it('takes an answer with the status alone as it is', async () => {
  const target = await serving((_incoming, outgoing) => outgoing.writeHead(429).end('{}'));
  const client = xksClient(target);
  await expect(client.getHealthStatus()).resolves.toMatchObject({ status: 429 });
  client.close();
});

it('examines no proxy that throttles every request', async () => {
  const target = await serving((_incoming, outgoing) => outgoing.writeHead(429).end(THROTTLING));
  await expect(obstacleTo({ ...target, timeoutMs: 100 })).resolves.toMatchObject({ isOfTarget: false });
});

it('fails every check of a proxy that comes to throttle every request, and waits only once', async () => {
  let requests = 0;
  const target = await serving((_incoming, outgoing) => {
    requests += 1;
    outgoing.writeHead(429).end(THROTTLING);
  });
  const results = await runConformance({ ...target, timeoutMs: 100 });
  expect(summary(results).failedMust).toBeGreaterThan(40);
  const passed = results.filter(({ outcome }) => outcome === 'pass');
  expect(new Set(passed.map(({ evidence }) => evidence))).toEqual(new Set(['handshakes only']));
  // One for each check, 48 for each of those with requests at once, and the repetitions of the first.
  expect(requests).toBeLessThan(results.length + 2 * 48 + 10);
});

const THROTTLING = '{"errorName":"ThrottlingException"}';

/** A proxy that answers each request with `listener`. */
async function serving(listener: RequestListener): Promise<Target> {
  const authority = await createCertificateAuthority();
  const names = { commonName: 'localhost', dnsNames: ['localhost'] };
  const { certificatePem: cert, keyPem: key } = await authority.issue(names);
  return targetAt(createServer({ cert, key }, listener), authority.certificatePem);
}
