// npm run soak -- [--minutes N]: half of the load that the proxy could take, for long; ends with 1 if anything grew.
import { parseArgs } from 'node:util';
import { leaveOnSignals } from '@holdfast/testbed/leave-on-signals';
import { closedLoop, openLoop, percentile } from '@holdfast/testbed/load/loops';
import { requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { type LoadSetting, loadSetting } from '@holdfast/testbed/load/setting';
import { processUsage } from '@holdfast/testbed/process-usage';
import { record } from './record.ts';

const CONNECTIONS = 16;
const WARM_UP_MS = 10_000;
const SAMPLE_MS = 15_000;
const SAMPLES = 12;
/** Noise of a garbage collector. */
const MAX_GROWN_MIB = 16;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError('--minutes: expected a number above 0');

leaveOnSignals();
const setting = await loadSetting();
try {
  process.exitCode = (await soak(setting)) ? 0 : 1;
} finally {
  setting.dispose();
}

/** Whether nothing has grown, and nothing has failed. */
async function soak(setting: LoadSetting): Promise<boolean> {
  setting.writeConfig((toml) => `${toml}\n[admin]\nport = 0\n`);
  const proxy = await setting.start();
  process.stdout.write(`proxy ${proxy.pid}, on 127.0.0.1:${proxy.endpoint.port}\n`);
  try {
    const next = () => requestPool([setting.encryptPath()], SMALL, setting.caller);
    const peak = await closedLoop(proxy.endpoint, next(), {
      connections: CONNECTIONS,
      durationMs: WARM_UP_MS,
    });
    const perSecond = peak.goodput / 2;
    const metrics = `http://127.0.0.1:${String(proxy.listening['adminPort'])}/metrics`;
    const samples: Sample[] = [];
    const failures = new Map<string, number>();
    const endMs = performance.now() + minutes * 60_000;
    while (performance.now() < endMs) {
      // Signed anew each time: a signature is good for five minutes.
      const load = await openLoop(proxy.endpoint, next(), {
        connections: CONNECTIONS,
        durationMs: Math.min(SAMPLE_MS, (minutes * 60_000) / SAMPLES),
        perSecond,
      });
      for (const [outcome, times] of load.outcomes) {
        if (outcome !== 200) failures.set(String(outcome), (failures.get(String(outcome)) ?? 0) + times);
      }
      const { rssBytes, descriptors } = processUsage(proxy.pid);
      samples.push({ rssMiB: rssBytes / 2 ** 20, descriptors, sessions: await openSessions(metrics) });
      process.stdout.write(
        `${Math.round(load.goodput)} /s, p99 ${percentile(load, 0.99).toFixed(1)} ms, ` +
          `${Math.round(rssBytes / 2 ** 20)} MiB, ${descriptors} descriptors, ${samples.at(-1)?.sessions} sessions\n`,
      );
    }
    return judge(samples, failures, perSecond);
  } finally {
    await proxy.stop();
  }
}

interface Sample {
  readonly rssMiB: number;
  readonly descriptors: number;
  readonly sessions: number;
}

/** Compares the last quarter with the second: the first one is still warming up. */
function judge(
  samples: readonly Sample[],
  failures: ReadonlyMap<string, number>,
  perSecond: number,
): boolean {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  // The least of a quarter: above it is garbage that was not fetched yet, and calls under way.
  const least = (part: readonly Sample[], what: keyof Sample) => Math.min(...part.map((row) => row[what]));
  const growth = (what: keyof Sample) =>
    least(samples.slice(-quarter), what) - least(samples.slice(quarter, 2 * quarter), what);
  const figures = {
    minutes,
    perSecond: Math.round(perSecond),
    failures: Object.fromEntries(failures),
    grown: {
      rssMiB: Math.round(growth('rssMiB')),
      descriptors: growth('descriptors'),
      sessions: growth('sessions'),
    },
  };
  record('soak', figures);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  const { rssMiB, descriptors, sessions } = figures.grown;
  return failures.size === 0 && rssMiB <= MAX_GROWN_MIB && descriptors <= 0 && sessions <= 0;
}

/** Sessions that are open on the token. */
async function openSessions(metrics: string): Promise<number> {
  const text = await (await fetch(metrics)).text();
  const [, open] = /^holdfast_xks_token_sessions\{(?=[^}]*state="open")[^}]*\} (\d+)$/m.exec(text) ?? [];
  if (open === undefined) throw new Error('the metrics tell of no sessions');
  return Number(open);
}
