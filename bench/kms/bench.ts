import * as z from 'zod';
import { type Chain, startChain } from '../../examples/chain/chain.ts';
import { runChild } from '../child.ts';
import { type Figure, record } from '../figures.ts';
import { type Settings, TURNS_SCHEMA, type Turns } from './turns.ts';

/**
 * GenerateDataKey under a key on a token against one under a key of the KMS itself, with the client of AWS: client, KMS and
 * proxy in processes of their own, over TLS, with SigV4 and an integrity value. The two take turns.
 */
export async function benchKms(): Promise<void> {
  const chain = await startChain();
  try {
    const { KeyMetadata: ownKey } = await chain.kms.createKey({});
    const turns = await runClient({
      endpoint: chain.kmsUrl,
      region: chain.region,
      keys: { own: String(ownKey?.Arn), external: chain.keyArn },
      serverPids: { kms: chain.localKms.pid, proxy: chain.proxy.pid },
    });
    const inKms = durationsInKms(chain, turns.external.latenciesMs.length);
    const [own, external] = [median(turns.own.latenciesMs), median(turns.external.latenciesMs)];
    const ratio = external / own;
    const figure: Figure = {
      title: 'GenerateDataKey on an XKS key, against a key of the KMS, at p50',
      wanted: `≤ ${MAX_RATIO}`,
      reached: Number(ratio.toPrecision(3)),
      isMet: ratio <= MAX_RATIO,
      detail: [
        `${external.toFixed(2)} ms against ${own.toFixed(2)} at the client`,
        `${median(inKms.request).toFixed(2)} in the KMS, of which ${median(inKms.proxy).toFixed(2)} for the proxy`,
        `processor time of client, KMS and proxy ${cpuInWords(turns.external)} ms against ${cpuInWords(turns.own)}`,
        `${turns.own.latenciesMs.length} calls each`,
      ].join('; '),
    };
    console.log(`${figure.title}: ${figure.reached} (${figure.detail})`);
    record('kms', NAME, [figure], [NAME]);
  } finally {
    await chain.close();
  }
}

async function runClient(settings: Settings): Promise<Turns> {
  const output = await runChild(new URL('client-child.ts', import.meta.url), JSON.stringify(settings));
  return TURNS_SCHEMA.parse(JSON.parse(output));
}

/** What the log of the KMS says of the last requests on the key: how long they took, and the calls of the proxy in them. */
function durationsInKms({ localKms, keyArn }: Chain, count: number) {
  const durationsMs = { request: new Array<number>(), proxy: new Array<number>() };
  for (const line of localKms.output) {
    const { success, data } = REQUEST_SCHEMA.safeParse(JSON.parse(line));
    if (!success || data.keyId !== keyArn) continue;
    durationsMs.request.push(data.durationMs);
    durationsMs.proxy.push(...data.xksCalls.map(({ durationMs }) => durationMs));
  }
  return { request: durationsMs.request.slice(-count), proxy: durationsMs.proxy.slice(-count) };
}

function cpuInWords({ cpuMs: { client, kms, proxy }, latenciesMs }: Turns['own']): string {
  return [client, kms, proxy].map((cpuMs) => (cpuMs / latenciesMs.length).toFixed(2)).join(' + ');
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
