import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCounts } from '../../src/budget/counts-directory.ts';
import { openIvBudget } from '../../src/budget/iv-budget.ts';
import type { KeyDevice } from '../../src/devices/key-device.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';
import { codeIn } from '../fixtures/store-files.ts';

const KEY = { label: 'orders' };
const OTHER = { id: Buffer.from('0a', 'hex') };
const UNCOVERED = { additionalAuthenticatedData: Buffer.alloc(0), ciphertextMetadata: Buffer.alloc(0) };
const [PID_NAMESPACE] = /\d+/.exec(readlinkSync('/proc/self/ns/pid')) ?? expect.unreachable();
const UNCOUNTED = { errorName: 'InternalException', reason: 'iv-budget-unavailable' };

describe('the budget of initialization vectors', () => {
  let stateDirectory: string;
  beforeEach(() => {
    stateDirectory = mkdtempSync(join(tmpdir(), 'holdfast-budget-'));
  });
  afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

  const open = (limit: number, told: string[] = [], directory: string | undefined = stateDirectory) =>
    openIvBudget({ limit, stateDirectory: directory, atLimit: 'refuse' }, (stage) => void told.push(stage));
  const encrypt = async (
    device: KeyDevice,
    times: number,
    selector: typeof KEY | typeof OTHER = KEY,
    isChecked = false,
  ) => {
    for (let time = 0; time < times; time += 1) {
      const input = { selector, aad: Buffer.alloc(0), plaintext: Buffer.alloc(1) };
      await (isChecked ? device.encryptChecked({ ...input, ...UNCOVERED }) : device.encrypt(input));
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

  it('counts encryptions that are checked as one each, and refuses them as others', async () => {
    const budget = open(8);
    const { device, behaviour } = memoryDevice();
    const counted = budget.over(device);
    await encrypt(counted, 8, KEY, true);
    expect(budget.used(KEY)).toBe(8);
    await expect(encrypt(counted, 1, KEY, true)).rejects.toMatchObject({ reason: 'iv-budget-used' });
    expect(behaviour.encryptions).toBe(8);
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

  it.each([
    ['a dead process of this machine', `iv-counts_${hostname()}@${PID_NAMESPACE}_99999999_aa.json`],
    ['a process with its own number', `iv-counts_${hostname()}@${PID_NAMESPACE}_${process.pid}_aa.json`],
    ['a process of another machine that has closed it', 'iv-counts_closed_aa-bb.json'],
  ])('takes over, once, what %s has left', (_title, file) => {
    writeFileSync(join(stateDirectory, file), '{"label orders":100}');
    const [first, second] = [open(1024), open(1024)];
    expect([first.used(KEY), second.used(KEY)]).toEqual([100, 100]);
    const files = readdirSync(stateDirectory);
    expect(files).not.toContain(file);
    expect(files).toHaveLength(2);
  });

  it.each([
    ['another machine', 'elsewhere_99999999'],
    ['another machine whose name begins with that of this one', `${hostname()}_99999999_99999999`],
    ['a machine with the name that closed files have', 'closed_99999999'],
    ['a process of this machine that runs', `${hostname()}@${PID_NAMESPACE}_${process.ppid}`],
    ['a process with its own number in another PID namespace', `${hostname()}@1_${process.pid}`],
    ['a process with a number of no process here in another PID namespace', `${hostname()}@1_99999999`],
    ['a process of a version that named no PID namespace', `${hostname()}_${process.pid}`],
  ])('counts, and leaves alone, what %s writes', (_title, owner) => {
    const file = `iv-counts_${owner}_aa.json`;
    writeFileSync(join(stateDirectory, file), '{"label orders":100}');
    expect(open(1024).used(KEY)).toBe(100);
    expect(readdirSync(stateDirectory)).toContain(file);
  });

  it('has as many files as there were processes at once, however many there were', async () => {
    for (let round = 1; round <= 5; round += 1) {
      const budgets = [open(1024), open(1024)];
      for (const budget of budgets) await encrypt(budget.over(memoryDevice().device), 3);
      for (const budget of budgets) budget.close();
      expect(readdirSync(stateDirectory)).toHaveLength(2);
      expect(readCounts(stateDirectory).get('label orders')).toBe(round * 6);
    }
  });

  it('encrypts nothing once it was closed, and closes once', async () => {
    const budget = open(1024);
    const { device, behaviour } = memoryDevice();
    await encrypt(budget.over(device), 1);
    for (let time = 0; time < 2; time += 1) {
      budget.close();
      await expect(encrypt(budget.over(device), 1)).rejects.toMatchObject(UNCOUNTED);
    }
    expect(behaviour.encryptions).toBe(1);
    expect(readCounts(stateDirectory).get('label orders')).toBe(1);
  });

  it('encrypts nothing that it cannot count, and nothing at all before it can count again', async () => {
    const budget = open(1024 * 10);
    const { device, behaviour } = memoryDevice();
    const counted = budget.over(device);
    await encrypt(counted, 1);
    rmSync(stateDirectory, { recursive: true });
    await encrypt(counted, 1);
    await expect(encrypt(counted, 1, OTHER)).rejects.toMatchObject(UNCOUNTED);
    await expect(encrypt(counted, 1)).rejects.toMatchObject(UNCOUNTED);
    expect(behaviour.encryptions).toBe(2);
    mkdirSync(stateDirectory);
    await encrypt(counted, 1);
    await encrypt(counted, 1, OTHER);
    budget.close();
    expect(readCounts(stateDirectory)).toEqual(
      new Map([
        ['label orders', 3],
        ['id 0a', 1],
      ]),
    );
  });

  it('sets nothing aside for encryptions that it refuses because it cannot count them', async () => {
    const budget = open(1024 * 10);
    const counted = budget.over(memoryDevice().device);
    await encrypt(counted, 1);
    rmSync(stateDirectory, { recursive: true });
    for (let time = 0; time < 50; time += 1) {
      await expect(encrypt(counted, 1, OTHER)).rejects.toMatchObject(UNCOUNTED);
    }
    mkdirSync(stateDirectory);
    await encrypt(counted, 1, OTHER);
    // As after a crash: what was set aside counts as used.
    expect(readCounts(stateDirectory)).toEqual(
      new Map([
        ['label orders', 10],
        ['id 0a', 10],
      ]),
    );
  });

  it('is refused at the start where the folder cannot be made, read or written', () => {
    const file = join(stateDirectory, 'iv-counts_elsewhere_1_aa.json');
    writeFileSync(file, 'no counts');
    expect(codeIn(() => open(1024, [], join(file, 'below')))).toBe('CONFIG_INVALID');
    expect(codeIn(() => open(1024))).toBe('CONFIG_INVALID');
    // Not the folder alone: an operator has to find the one that is damaged.
    expect(() => open(1024)).toThrow(file);
    expect(codeIn(() => readCounts(stateDirectory))).toBe('CONFIG_INVALID');
    // Where not even the superuser makes a file.
    expect(codeIn(() => open(1024, [], '/proc/self'))).toBe('CONFIG_INVALID');
  });

  it('leaves a damaged file of a process that has ended under its name', () => {
    const name = 'iv-counts_closed_aa.json';
    writeFileSync(join(stateDirectory, name), 'no counts');
    for (let start = 0; start < 2; start += 1) {
      expect(codeIn(() => open(1024))).toBe('CONFIG_INVALID');
      expect(readdirSync(stateDirectory)).toEqual([name]);
    }
  });

  it('begins anew with each start without a folder', async () => {
    const budget = openIvBudget({ limit: 4, stateDirectory: undefined, atLimit: 'refuse' }, () => undefined);
    await encrypt(budget.over(memoryDevice().device), 4);
    await expect(encrypt(budget.over(memoryDevice().device), 1)).rejects.toMatchObject({
      errorName: 'InvalidStateException',
    });
  });
});
