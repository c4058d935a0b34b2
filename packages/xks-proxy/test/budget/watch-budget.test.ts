import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openIvBudget } from '../../src/budget/iv-budget.ts';
import { type RotateKey, watchBudget } from '../../src/budget/watch-budget.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/log.ts';
import { XksProxyError } from '../../src/proxy-error.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';
import { writeTestConfig } from '../fixtures/proxy.ts';

describe('a key that is nearly used', () => {
  let files: Awaited<ReturnType<typeof writeTestConfig>>;
  let lines: string[];
  beforeEach(async () => {
    files = await writeTestConfig();
    lines = [];
  });
  afterEach(() => {
    vi.useRealTimers();
    files.dispose();
  });

  /** Encrypts with a key whose limit is 16 messages: seven eighths of them are 14. */
  const watched = (rotateKey: RotateKey) => {
    const toml = `${files.toml}\n[iv_budget]\nlimit = 16\nat_limit = "rotate"\n`;
    const load = () => parseConfig(toml, { baseDirectory: files.directory });
    let config = load();
    const log = createLog({ write: (line) => lines.push(line) });
    const { device } = memoryDevice();
    const counted = openIvBudget(
      config.ivBudget,
      watchBudget(() => config, log, rotateKey),
    ).over(device);
    vi.useFakeTimers({ toFake: ['performance'] });
    const encrypt = async (times: number, label = 'decrypt-only') => {
      for (let time = 0; time < times; time += 1) {
        const input = { selector: { label }, aad: Buffer.alloc(0), plaintext: Buffer.alloc(1) };
        await counted.encrypt(input).catch(() => undefined);
        await turn();
      }
    };
    const reload = () => {
      config = load();
    };
    return Object.assign(encrypt, { reload });
  };
  const failures = () => lines.filter((line) => line.includes('"event":"rotation-failed"')).length;

  it('is rotated again after a while where that failed, up to the limit and beyond it', async () => {
    const asked: unknown[] = [];
    const encrypt = watched((key) => {
      asked.push(key);
      return Promise.reject(new XksProxyError('FILE_LOCKED', 'locked'));
    });
    await encrypt(13);
    expect(asked).toEqual([]);
    await encrypt(2);
    expect(asked).toEqual([{ store: 'acme', externalKeyId: 'decrypt-only', version: 1 }]);
    vi.advanceTimersByTime(10_000);
    await encrypt(1);
    expect(asked).toHaveLength(2);
    await encrypt(100);
    expect(asked).toHaveLength(2);
    vi.advanceTimersByTime(10_000);
    await encrypt(100);
    expect([asked.length, failures()]).toEqual([3, 3]);
    expect(lines.filter((line) => line.includes('"stage":"nearly-used"'))).toHaveLength(3);
  });

  it('is not rotated again with a PIN that was refused', async () => {
    let asked = 0;
    const encrypt = watched(() => {
      asked += 1;
      return Promise.reject(new XksProxyError('PIN_REFUSED', 'refused'));
    });
    for (let round = 0; round < 4; round += 1) {
      await encrypt(15);
      vi.advanceTimersByTime(10_000);
    }
    expect([asked, failures()]).toEqual([1, 1]);
  });

  it('is not rotated with a PIN that was refused for another key, before a reload and after it', async () => {
    let asked = 0;
    const encrypt = watched(async () => {
      asked += 1;
      await turn();
      throw new XksProxyError('PIN_REFUSED', 'refused');
    });
    for (const pin of ['wrong', 'wrong', 'also wrong']) {
      writeFileSync(join(files.directory, 'pin'), pin);
      encrypt.reload();
      await Promise.all([encrypt(15), encrypt(15, 'orders'), encrypt(15, 'no such key')]);
      vi.advanceTimersByTime(10_000);
    }
    expect([asked, failures()]).toEqual([2, 2]);
  });

  it('is rotated once at a time, however long that takes', async () => {
    let asked = 0;
    const encrypt = watched(() => {
      asked += 1;
      return new Promise(() => undefined);
    });
    for (let round = 0; round < 4; round += 1) {
      await encrypt(14);
      vi.advanceTimersByTime(60_000);
    }
    expect(asked).toBe(1);
  });
});
