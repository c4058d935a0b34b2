import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import * as z from 'zod';
import { type Chain, startChain } from '../../examples/chain/chain.ts';
import { type Figure, record } from '../figures.ts';
import { processUsage } from '../xks/process-usage.ts';

/**
 * GenerateDataKey under a key on a token against one under a key of the KMS itself, with the client of AWS: KMS and proxy in
 * processes of their own, over TLS, with SigV4 and an integrity value. The two take turns.
 */
export async function benchKms(): Promise<void> {
  const chain = await startChain();
  const { kmsUrl: endpoint, region, kms } = chain;
  const client = new KMSClient({ region, endpoint, credentials: { accessKeyId: 'a', secretAccessKey: 'a' } });
  try {
    const { KeyMetadata: ownKey } = await kms.createKey({});
    const sides = { own: String(ownKey?.Arn), external: chain.keyArn } as const;
    await takeTurns(client, chain, sides, WARM_UP_MS);
    const fromLine = chain.localKms.output.length;
    const turns = await takeTurns(client, chain, sides, MEASURED_MS);
    const inKms = durationsInKms(chain, fromLine, sides.external);
    const [own, external] = [median(turns.own.latenciesMs), median(turns.external.latenciesMs)];
    const ratio = external / own;
    const cpuOf = ({ cpuMs, latenciesMs }: Turn): string => (cpuMs / latenciesMs.length).toFixed(2);
    const figure: Figure = {
      title: 'GenerateDataKey on an XKS key, against a key of the KMS, at p50',
      wanted: `≤ ${MAX_RATIO}`,
      reached: Number(ratio.toPrecision(3)),
      isMet: ratio <= MAX_RATIO,
      detail: [
        `${external.toFixed(2)} ms against ${own.toFixed(2)} at the client`,
        `${median(inKms.request).toFixed(2)} in the KMS, of which ${median(inKms.proxy).toFixed(2)} for the proxy`,
        `processor time of all three ${cpuOf(turns.external)} ms against ${cpuOf(turns.own)}`,
        `${turns.own.latenciesMs.length} calls each`,
      ].join('; '),
    };
    console.log(`${figure.title}: ${figure.reached} (${figure.detail})`);
    record('kms', NAME, [figure], [NAME]);
  } finally {
    client.destroy();
    await chain.close();
  }
}

interface Sides<Value> {
  readonly own: Value;
  readonly external: Value;
}

/** What calls under one key came to. */
interface Turn {
  readonly latenciesMs: number[];
  /** Of client, KMS and proxy together: what the latency is where nothing else wants the processors. */
  cpuMs: number;
}

async function takeTurns(
  client: KMSClient,
  { localKms, proxy }: Chain,
  keys: Sides<string>,
  durationMs: number,
): Promise<Sides<Turn>> {
  const pids = [process.pid, localKms.pid, proxy.pid];
  const cpuMs = (): number => pids.reduce((sum, pid) => sum + processUsage(pid).cpuMs, 0);
  const turns = { own: newTurn(), external: newTurn() };
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    for (const side of ['own', 'external'] as const) {
      const cpuStartMs = cpuMs();
      for (let call = 0; call < CALLS_IN_TURN; call += 1) {
        const startMs = performance.now();
        await client.send(new GenerateDataKeyCommand({ KeyId: keys[side], KeySpec: 'AES_256' }));
        turns[side].latenciesMs.push(performance.now() - startMs);
      }
      turns[side].cpuMs += cpuMs() - cpuStartMs;
    }
  }
  return turns;
}

function newTurn(): Turn {
  return { latenciesMs: [], cpuMs: 0 };
}

/** What the log of the KMS says from a line on: how long requests on the key took, and the calls of the proxy in them. */
function durationsInKms({ localKms }: Chain, fromLine: number, keyArn: string) {
  const durationsMs = { request: new Array<number>(), proxy: new Array<number>() };
  for (const line of localKms.output.slice(fromLine)) {
    const { success, data } = REQUEST_SCHEMA.safeParse(JSON.parse(line));
    if (!success || data.keyId !== keyArn) continue;
    durationsMs.request.push(data.durationMs);
    durationsMs.proxy.push(...data.xksCalls.map(({ durationMs }) => durationMs));
  }
  return durationsMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const REQUEST_SCHEMA = z.object({
  event: z.literal('request'),
  keyId: z.string(),
  durationMs: z.number(),
  xksCalls: z.array(z.object({ durationMs: z.number() })),
});
const NAME = 'data-key';
const MAX_RATIO = 2;
const CALLS_IN_TURN = 20;
const WARM_UP_MS = 15_000;
const MEASURED_MS = 20_000;
