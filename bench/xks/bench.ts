import { type LoadReport, percentile } from '@holdfast/testbed/load/loops';
import { LARGEST, requestPool, SMALL } from '@holdfast/testbed/load/requests';
import { type LoadProxy, type LoadSetting, loadSetting } from '@holdfast/testbed/load/setting';
import { recordsIn } from '@holdfast/testbed/server-process';
import { createShim } from '@holdfast/testbed/shim';
import { type Figure, record } from '../figures.ts';
import { atQuota, callCost, median, saturate } from './measure.ts';
import { signatureVerification, startBareServer, startPartsServer, tokenCalls } from './parts.ts';

/** Measures the cases whose names contain every text, prints and records what was wanted and what was reached. */
export async function benchXks(texts: readonly string[]): Promise<void> {
  for (const [name, bench] of Object.entries(CASES)) {
    if (!texts.every((text) => name.includes(text))) continue;
    const figures = await bench();
    for (const { title, wanted, reached, detail } of figures) {
      console.log(`${name}: ${title}: ${reached}, wanted ${wanted} ${detail}`);
    }
    record('xks', name, figures, Object.keys(CASES));
  }
}

/** By name, what is measured together. */
const CASES = { parts, workers, keys, quota, network } as const satisfies Record<
  string,
  () => Promise<readonly Figure[]>
>;

/** Processor time against the sum of what cannot be done without, in turns; and large requests against small ones. */
async function parts(): Promise<readonly Figure[]> {
  return withSetting({}, async (setting) => {
    const [proxy, bare] = [await setting.start(), await startBareServer(setting)];
    const all = await startPartsServer(setting);
    const serverOf = ({ pid, listening }: typeof bare) => ({
      pid,
      endpoint: setting.endpoint(Number(listening['port'])),
    });
    const token = tokenCalls(setting.token);
    const verify = signatureVerification(setting.encryptPath(), setting.caller);
    const small = requestPool([setting.encryptPath()], SMALL, setting.caller);
    const largest = requestPool([setting.encryptPath()], LARGEST, setting.caller);
    try {
      const ratios: number[] = [];
      const sizes: number[] = [];
      const costs: number[][] = [];
      // To be compiled takes a process as long as this under load, and compiling is processor time too.
      await saturate(proxy, small, WARM_UP_MS);
      for (let round = 0; round <= ROUNDS; round += 1) {
        const ours = await saturate(proxy, small, ROUND_MS);
        const floor = await saturate(serverOf(bare), small, ROUND_MS);
        const signature = await callCost(verify, ROUND_MS / 4);
        const calls = await callCost(token.call, ROUND_MS / 4);
        const together = await saturate(serverOf(all), small, ROUND_MS);
        const large = await saturate(proxy, largest, ROUND_MS);
        // The first round warms up.
        if (round === 0) continue;
        ratios.push(ours.cpuMicroseconds / (floor.cpuMicroseconds + signature + calls));
        sizes.push(large.perSecond / ours.perSecond);
        const inOneProcess = together.cpuMicroseconds;
        costs.push([
          ours.cpuMicroseconds,
          floor.cpuMicroseconds,
          signature,
          calls,
          inOneProcess,
          ours.perSecond,
        ]);
      }
      const [whole = 0, https = 0, signature = 0, calls = 0, together = 0, perSecond = 0] = [
        0, 1, 2, 3, 4, 5,
      ].map((column) => Math.round(median(costs.map((row) => row[column] ?? Number.NaN))));
      const detail = `${whole} µs; node:https ${https}, SigV4 ${signature}, two calls of the token ${calls}, and all three in one process ${together}; ${perSecond} /s`;
      return [
        atMost('processor time of a request, against the sum of its parts', 1.4, median(ratios), detail),
        atLeast('rate of the largest requests, against small ones', 0.4, median(sizes)),
      ];
    } finally {
      token.close();
      await Promise.all([proxy.stop(), bare.stop(), all.stop()]);
    }
  });
}

async function workers(): Promise<readonly Figure[]> {
  return withSetting({}, async (setting) => {
    const [one, two] = [await setting.start(), await setting.start('--workers', '2')];
    const next = requestPool([setting.encryptPath()], SMALL, setting.caller);
    try {
      const ratios: number[] = [];
      for (let round = 0; round <= ROUNDS; round += 1) {
        const alone = await saturate(one, next, ROUND_MS);
        const both = await saturate(two, next, ROUND_MS);
        if (round > 0) ratios.push(both.perSecond / alone.perSecond);
      }
      return [atLeast('rate of two processes, against one', 1.3, median(ratios))];
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });
}

async function keys(): Promise<readonly Figure[]> {
  return withSetting({}, (few) =>
    withSetting({ keys: MANY_KEYS }, async (many) => {
      const [fewer, more] = [await few.start(), await many.start()];
      const paths = Array.from({ length: MANY_KEYS }, (_, key) => many.encryptPath(key));
      const [one, all] = [
        requestPool([few.encryptPath()], SMALL, few.caller),
        requestPool(paths, SMALL, many.caller),
      ];
      try {
        const ratios: number[] = [];
        for (let round = 0; round <= ROUNDS; round += 1) {
          const withOne = await saturate(fewer, one, ROUND_MS);
          const withAll = await saturate(more, all, ROUND_MS);
          if (round > 0) ratios.push(withAll.cpuMicroseconds / withOne.cpuMicroseconds);
        }
        return [atMost('processor time with 500 keys in the token, against one', 1.1, median(ratios))];
      } finally {
        await Promise.all([fewer.stop(), more.stop()]);
      }
    }),
  );
}

async function quota(): Promise<readonly Figure[]> {
  return withSetting({}, (setting) => {
    setting.writeConfig((toml) => `${toml}${ADMIN}`);
    return latencies(setting, 'SoftHSM');
  });
}

/** A module in front of SoftHSM that takes as long as one behind a network. */
async function network(): Promise<readonly Figure[]> {
  return withSetting({}, async (inner) => {
    const shim = createShim(inner.token.modulePath);
    try {
      for (const site of ['C_Encrypt', 'C_Decrypt'] as const) shim.fail(site, { delayMs: 1.5 }, EVERY_CALL);
      for (const site of ['C_EncryptInit', 'C_DecryptInit'] as const)
        shim.fail(site, { delayMs: 0.5 }, EVERY_CALL);
      inner.writeConfig(
        (toml) =>
          toml.replace(
            /module = .*/,
            `module = ${JSON.stringify(shim.modulePath)}\ncalls = "worker"\nmax_sessions = 8`,
          ) + ADMIN,
      );
      return await latencies(inner, 'an HSM of 2 ms a call');
    } finally {
      shim.dispose();
    }
  });
}

/** Rounds at the quota: of the percentiles the one in the middle, of the longest times the longest. */
async function latencies(setting: LoadSetting, name: string): Promise<readonly Figure[]> {
  const proxy = await setting.start('--workers', '2');
  try {
    const next = requestPool([setting.encryptPath()], SMALL, setting.caller);
    const loads: LoadReport[] = [];
    const delaysMs: number[] = [];
    // Processes and threads are compiled each for itself, by what is asked of them, and at this rate that is little at a
    // time: as many rounds warm up as are measured, with connections that come and go as in those.
    for (let round = -ROUNDS; round < ROUNDS; round += 1) {
      const load = await atQuota(proxy.endpoint, next, 4 * ROUND_MS);
      const delayMs = await loopDelayMs(proxy);
      if (round < 0) continue;
      loads.push(load);
      delaysMs.push(delayMs);
    }
    const failures = loads.flatMap(({ outcomes }) => [...outcomes].filter(([outcome]) => outcome !== 200));
    const inMs = (values: readonly number[]) => values.map((value) => value.toPrecision(3)).join(', ');
    const percentiles = (share: number) => loads.map((load) => percentile(load, share));
    const [p99, longest] = [percentiles(0.99), percentiles(1)];
    const at = `at 1,800 requests a second, ${name}, in ms`;
    return [
      atMost(
        `99th percentile ${at}`,
        25,
        median(p99),
        `two processes; rounds ${inMs(p99)}; p50 ${inMs(percentiles(0.5))}; not 200: ${JSON.stringify(failures)}`,
      ),
      atMost(`longest ${at}`, 250, Math.max(...longest), `rounds ${inMs(longest)}`),
      atMost(
        `99th percentile of the delay of the event loop ${at}`,
        10,
        median(delaysMs),
        `rounds ${inMs(delaysMs)}`,
      ),
    ];
  } finally {
    await proxy.stop();
  }
}

/** What the processes themselves measured since they were last asked: that of the slowest. */
async function loopDelayMs({ output }: LoadProxy): Promise<number> {
  const listening = recordsIn(output).filter(({ event }) => event === 'listening');
  const delaysMs = listening.map(async ({ adminPort }) => {
    const text = await (await fetch(`http://127.0.0.1:${String(adminPort)}/metrics`)).text();
    const [, seconds] = /^holdfast_xks_event_loop_delay_seconds\{quantile="0.99"\} (\S+)$/m.exec(text) ?? [];
    return Number(seconds) * 1000;
  });
  return Math.max(...(await Promise.all(delaysMs)));
}

async function withSetting<T>(
  options: { readonly keys?: number },
  work: (setting: LoadSetting) => Promise<T>,
): Promise<T> {
  const setting = await loadSetting(options);
  try {
    return await work(setting);
  } finally {
    setting.dispose();
  }
}

function atMost(title: string, limit: number, reached: number, detail = ''): Figure {
  return { title, wanted: `≤ ${limit}`, reached: rounded(reached), isMet: reached <= limit, detail };
}

function atLeast(title: string, limit: number, reached: number, detail = ''): Figure {
  return { title, wanted: `≥ ${limit}`, reached: rounded(reached), isMet: reached >= limit, detail };
}

function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** Odd, so that the median is one of them. */
const ROUNDS = 5;
const ROUND_MS = 3_000;
const WARM_UP_MS = 8_000;
const MANY_KEYS = 500;
const ADMIN = '\n[admin]\nport = 0\n';
const EVERY_CALL = 2 ** 31 - 1;
