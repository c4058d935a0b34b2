import { createSecretKey, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { suiteById } from '../../src/suites.ts';
import type { FrameBatch, FrameBatchReply } from '../../src/workers/frame-batch.ts';
import { type Thread, ThreadPool } from '../../src/workers/thread-pool.ts';
import { rejection } from '../fixtures/memory-keyring.ts';

const suite = suiteById(0x0478);
if (suite === undefined) throw new Error('there is no such suite');

const batch = (): FrameBatch => ({
  kind: 'seal',
  key: createSecretKey(randomBytes(32)),
  format: { suite, messageId: randomBytes(32), contentType: 'framed', frameLength: 10 },
  sequenceNumber: 1,
  bytes: new Uint8Array(new ArrayBuffer(100)).fill(7),
});
const PROGRAM = new URL('../../src/frame-thread.ts', import.meta.url);
const thread = () => new Worker(PROGRAM);

it('a thread that dies fails its batch, and another takes its place', async () => {
  const threads: Worker[] = [];
  const pool = new ThreadPool(1, () => {
    const started = thread();
    threads.push(started);
    return started;
  });
  const [dying, waiting] = [pool.run(batch()), pool.run(batch())];
  await threads[0]?.terminate();
  expect(await rejection(dying)).toMatchObject({ code: 'WORKERS_FAILED' });
  expect((await waiting).result).toHaveLength(10 * (10 + 32));
  expect(threads).toHaveLength(2);
  await pool.close();
});

it('what a thread died of is the cause', async () => {
  const pool = new ThreadPool(1, () => new Worker(new URL('no-such-file.js', import.meta.url)));
  expect(await rejection(pool.run(batch()))).toMatchObject({
    code: 'WORKERS_FAILED',
    cause: { code: 'ERR_MODULE_NOT_FOUND' },
  });
  await pool.close();
});

it('a fault kills the thread, and fails its batch, also where rejections are let pass', async () => {
  const execArgv = [...process.execArgv, '--unhandled-rejections=none'];
  const pool = new ThreadPool(1, () => new Worker(PROGRAM, { execArgv }));
  const { bytes, ...rest } = batch();
  const faulty = { ...rest, bytes, key: createSecretKey(randomBytes(5)) };
  expect(await rejection(pool.run(faulty))).toMatchObject({
    code: 'WORKERS_FAILED',
    cause: { name: 'RangeError' },
  });
  await pool.close();
});

it('plaintext comes back zeroed, in the memory that it was handed over in', async () => {
  const pool = new ThreadPool(1, thread);
  const { bytes, ...rest } = batch();
  const { spent } = await pool.run({ ...rest, bytes });
  expect(bytes).toHaveLength(0);
  expect(spent).toEqual(new Uint8Array(100));
  await pool.close();
});

it('no more threads are started than there is work for, nor more than may be', async () => {
  let started = 0;
  const pool = new ThreadPool(2, () => {
    started += 1;
    return thread();
  });
  expect(started).toBe(0);
  await pool.run(batch());
  await pool.run(batch());
  expect(started).toBe(1);
  await Promise.all([batch(), batch(), batch(), batch()].map((each) => pool.run(each)));
  expect(started).toBe(2);
  await pool.close();
});

it('a closed pool fails what waits and what comes, and leaves no plaintext of it', async () => {
  const pool = new ThreadPool(1, thread);
  const [first, second, third] = [batch(), batch(), batch()];
  const waiting = [pool.run(first), pool.run(second)];
  const closed = pool.close();
  for (const failing of [...waiting, pool.run(third)]) {
    expect(await rejection(failing)).toMatchObject({ code: 'WORKERS_FAILED' });
  }
  for (const { bytes } of [second, third]) expect(bytes).toEqual(new Uint8Array(100));
  await closed;
});

it('what a thread still sends when the pool is closed is zeroed, and the process is kept alive until it has ended', async () => {
  const answer = { result: new Uint8Array(10).fill(7), spent: new Uint8Array(10) };
  const late = threadThatRepliesLate(answer);
  const pool = new ThreadPool(1, () => late.thread);
  const running = rejection(pool.run(batch()));
  await pool.close();
  expect(await running).toMatchObject({ code: 'WORKERS_FAILED' });
  expect(answer.result).toEqual(new Uint8Array(10));
  expect(late.isKept()).toBe(true);
});

it('a pool that can start no thread fails what comes, and leaves no plaintext of it', async () => {
  const pool = new ThreadPool(1, () => {
    throw new Error('there are no threads here');
  });
  const first = batch();
  expect(await rejection(pool.run(first))).toMatchObject({
    code: 'WORKERS_FAILED',
    cause: { message: 'there are no threads here' },
  });
  expect(first.bytes).toEqual(new Uint8Array(100));
});

it('a pool that can start no other thread goes on with those that it has, until there is none', async () => {
  const threads: Worker[] = [];
  const pool = new ThreadPool(2, () => {
    if (threads.length > 0) throw new Error('one is enough');
    const only = thread();
    threads.push(only);
    return only;
  });
  const done = await Promise.all([batch(), batch(), batch()].map((each) => pool.run(each)));
  expect(done.map(({ result }) => result.length)).toEqual([420, 420, 420]);
  const [dying, waiting] = [batch(), batch()];
  // Ended before it is given anything: it is warm, and would answer.
  const ended = threads[0]?.terminate();
  const failing = [dying, waiting].map((each) => rejection(pool.run(each)));
  await ended;
  for (const error of failing) expect(await error).toMatchObject({ code: 'WORKERS_FAILED' });
  expect(waiting.bytes).toEqual(new Uint8Array(100));
});

/** A thread that replies, as one of Node may, when it is already being ended. */
function threadThatRepliesLate(answer: FrameBatchReply) {
  let isKept = false;
  const answered: ((answer: FrameBatchReply) => void)[] = [];
  const exited: (() => void)[] = [];
  const listeners: Record<string, unknown[]> = { message: answered, exit: exited };
  const thread: Thread = {
    on: (event: string, listener: unknown) => listeners[event]?.push(listener),
    postMessage: () => undefined,
    ref: () => void (isKept = true),
    unref: () => void (isKept = false),
    async terminate() {
      for (const listener of answered) listener(answer);
      for (const listener of exited) listener();
    },
  };
  return { thread, isKept: () => isKept };
}
