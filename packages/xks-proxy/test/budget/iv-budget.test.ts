import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openIvBudget } from '../../src/budget/iv-budget.ts';
import type { KeyDevice } from '../../src/devices/key-device.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';
import { codeIn } from '../fixtures/store-files.ts';

const KEY = { label: 'orders' };
const OTHER = { id: Buffer.from('0a', 'hex') };

describe('the budget of initialization vectors', () => {
  let stateDirectory: string;
  beforeEach(() => {
    stateDirectory = mkdtempSync(join(tmpdir(), 'holdfast-budget-'));
  });
  afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

  const open = (limit: number, told: string[] = [], directory: string | undefined = stateDirectory) =>
    openIvBudget({ limit, stateDirectory: directory, atLimit: 'refuse' }, (stage) => void told.push(stage));
  const encrypt = async (device: KeyDevice, times: number, selector: typeof KEY | typeof OTHER = KEY) => {
    for (let time = 0; time < times; time += 1) {
      const key = await device.key(selector);
      await key.encrypt({ aad: Buffer.alloc(0), plaintext: Buffer.alloc(1) });
    }
  };

  it('counts encryptions by key, refuses beyond the limit, and tells of both in time and as long as it lasts', async () => {
    const told: string[] = [];
    const budget = open(8, told);
    const { device, behaviour } = memoryDevice();
    const counted = budget.over(device);
    await encrypt(counted, 3);
    expect(told).toEqual([]);
    await encrypt(counted, 2);
    expect(told).toEqual(['half']);
    await encrypt(counted, 3);
    expect(told).toEqual(['half', 'nearly-used', 'nearly-used']);
    await expect(encrypt(counted, 1)).rejects.toMatchObject({
      errorName: 'InvalidStateException',
      reason: 'iv-budget-used',
    });
    expect(told).toHaveLength(4);
    expect(behaviour.encryptions).toBe(8);
    await encrypt(counted, 1, OTHER);
    expect([budget.used(KEY), budget.used(OTHER)]).toEqual([8, 1]);
  });

  it('tells of a key that is nearly used once for each block', async () => {
    writeFileSync(join(stateDirectory, 'iv-counts_elsewhere_1_aa.json'), '{"label orders":1790}');
    const told: string[] = [];
    const counted = open(2048, told).over(memoryDevice().device);
    await encrypt(counted, 2);
    expect(told).toEqual(['half', 'nearly-used']);
    await encrypt(counted, 6);
    expect(told).toEqual(['half', 'nearly-used', 'nearly-used', 'nearly-used', 'nearly-used']);
  });

  it('goes on exactly after an orderly end, and never with less after a crash', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ times: fc.nat({ max: 40 }), isOrderly: fc.boolean() }), { maxLength: 6 }),
        async (runs) => {
          const directory = join(stateDirectory, 'runs', String(Math.random()));
          let [made, crashes] = [0, 0];
          for (const { times, isOrderly } of runs) {
            const budget = open(1024 * 10, [], directory);
            await encrypt(budget.over(memoryDevice().device), times);
            made += times;
            if (isOrderly) budget.close();
            else crashes += 1;
            expect(budget.used(KEY)).toBeGreaterThanOrEqual(made);
            expect(budget.used(KEY)).toBeLessThanOrEqual(made + crashes * 10);
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  it('is shared by processes with one folder', async () => {
    const [first, second] = [open(1024), open(1024)];
    await encrypt(first.over(memoryDevice().device), 20);
    await encrypt(second.over(memoryDevice().device), 5);
    expect(second.used(KEY)).toBe(25);
  });

  it('takes over what dead processes of this machine have left, and leaves alone what others write', async () => {
    // No process has so high a number.
    const [dead, remote] = [`iv-counts_${hostname()}_99999999_aa.json`, 'iv-counts_elsewhere_1_bb.json'];
    for (const file of [dead, remote]) writeFileSync(join(stateDirectory, file), '{"label orders":100}');
    const budget = open(1024);
    expect(budget.used(KEY)).toBe(200);
    expect(readdirSync(stateDirectory)).toHaveLength(2);
    expect(readdirSync(stateDirectory)).toContain(remote);
    expect(open(1024).used(KEY)).toBe(200);
  });

  it('takes over what a process with its own number has left, and nothing of its own', () => {
    writeFileSync(
      join(stateDirectory, `iv-counts_${hostname()}_${process.pid}_aa.json`),
      '{"label orders":100}',
    );
    const first = open(1024);
    const second = open(1024);
    expect([first.used(KEY), second.used(KEY)]).toEqual([100, 100]);
    expect(readdirSync(stateDirectory)).toEqual([expect.not.stringContaining('_aa.json')]);
  });

  it('encrypts nothing that it cannot count', async () => {
    const budget = open(1024);
    const { device, behaviour } = memoryDevice();
    rmSync(stateDirectory, { recursive: true });
    await expect(encrypt(budget.over(device), 1)).rejects.toMatchObject({ errorName: 'InternalException' });
    expect(behaviour.encryptions).toBe(0);
    budget.close();
  });

  it('is refused at the start where the folder cannot be made or read', () => {
    const file = join(stateDirectory, 'iv-counts_elsewhere_1_aa.json');
    writeFileSync(file, 'no counts');
    expect(codeIn(() => open(1024, [], join(file, 'below')))).toBe('CONFIG_INVALID');
    expect(codeIn(() => open(1024))).toBe('CONFIG_INVALID');
  });

  it('begins anew with each start without a folder', async () => {
    const budget = openIvBudget({ limit: 4, stateDirectory: undefined, atLimit: 'refuse' }, () => undefined);
    await encrypt(budget.over(memoryDevice().device), 4);
    await expect(encrypt(budget.over(memoryDevice().device), 1)).rejects.toMatchObject({
      errorName: 'InvalidStateException',
    });
  });
});
