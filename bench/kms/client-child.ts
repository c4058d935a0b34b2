// The application: calls the KMS under both keys in turns, and prints what they came to as JSON. In a process of its own,
// so that it reads nothing but answers; the logs of the servers go to the process that started it.
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { processUsage } from '@holdfast/testbed/process-usage';
import { SETTINGS_SCHEMA, SIDES, type Turns } from './turns.ts';

const { endpoint, region, keys, serverPids } = SETTINGS_SCHEMA.parse(JSON.parse(process.argv[2] ?? ''));
const client = new KMSClient({ region, endpoint, credentials: { accessKeyId: 'a', secretAccessKey: 'a' } });

async function takeTurns(durationMs: number): Promise<Turns> {
  const pids = { client: process.pid, ...serverPids };
  const newTurn = () => ({ latenciesMs: [], cpuMs: { client: 0, kms: 0, proxy: 0 } });
  const turns: Turns = { own: newTurn(), external: newTurn() };
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    for (const side of SIDES) {
      for (const name of PROCESSES) turns[side].cpuMs[name] -= processUsage(pids[name]).cpuMs;
      for (let call = 0; call < CALLS_IN_TURN; call += 1) {
        const startMs = performance.now();
        await client.send(new GenerateDataKeyCommand({ KeyId: keys[side], KeySpec: 'AES_256' }));
        turns[side].latenciesMs.push(performance.now() - startMs);
      }
      for (const name of PROCESSES) turns[side].cpuMs[name] += processUsage(pids[name]).cpuMs;
    }
  }
  return turns;
}

const PROCESSES = ['client', 'kms', 'proxy'] as const;
const CALLS_IN_TURN = 20;
const WARM_UP_MS = 15_000;
const MEASURED_MS = 20_000;

await takeTurns(WARM_UP_MS);
process.stdout.write(JSON.stringify(await takeTurns(MEASURED_MS)));
client.destroy();
