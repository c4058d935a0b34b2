import { Worker } from 'node:worker_threads';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { importAesKey, outsider } from '../src/testing.ts';
import type { ThreadAnswer, ThreadCall } from './fixtures/token-thread-program.ts';
import { describeWithToken } from './fixtures/with-token.ts';

const LABELS = ['a', 'b', 'c', 'd'] as const;

// SoftHSM counts its handles from the start when it is initialised, sessions and keys together.
describeWithToken('a token that several threads have open', (context) => {
  beforeAll(() => {
    const { temporary } = context();
    for (const [at, label] of LABELS.entries()) {
      importAesKey(temporary, { label, value: new Uint8Array(32).fill(at + 1) });
    }
  });

  function program() {
    const { module, temporary } = context();
    const stranger = outsider(temporary);
    onTestFinished(() => stranger.leave());
    const restart = () => {
      stranger.finalizeModule();
      stranger.initializeModule();
    };
    restart();
    /** A thread that has the token open, and shares only the memory of the module with the others. */
    const thread = async () => {
      const worker = new Worker(new URL('./fixtures/token-thread-program.ts', import.meta.url));
      const call = async (message: ThreadCall) => {
        const answer = new Promise<ThreadAnswer>((resolve, reject) => {
          worker.once('message', resolve).once('error', reject);
        });
        worker.postMessage(message, []);
        const { code, output } = await answer;
        expect(code).toBeUndefined();
        return output;
      };
      const { label, pin } = temporary;
      await call({ open: { path: module.path, memory: module.memory, label, pin } });
      onTestFinished(async () => {
        await call({ close: true });
        await worker.terminate();
      });
      return {
        touch: async () => call({ random: 1 }),
        async seal(keyLabel: string) {
          const encrypt = {
            iv: crypto.getRandomValues(new Uint8Array(12)),
            aad: new Uint8Array(3),
            plaintext: new TextEncoder().encode(keyLabel),
          };
          const output = await call({ encrypt, label: keyLabel });
          return { label: keyLabel, sealed: { ...encrypt, ...(output ?? expect.unreachable()) } };
        },
      };
    };
    const isOpen = (session: number): boolean => {
      const handle = Buffer.alloc(8);
      handle.writeUInt32LE(session);
      try {
        return context().cryptoki.C_GetSessionInfo(handle).flags > 0;
      } catch {
        return false;
      }
    };
    /** The numbers of those that the module has. */
    const sessions = () => Array.from({ length: 50 }, (_, at) => at + 1).filter(isOpen);
    return { thread, restart, sessions };
  }

  it('has no key encrypt under another after a restart, whose session was that of another thread before', async () => {
    const { thread, restart } = program();
    const first = await thread();
    await first.seal('a');
    const second = await thread();
    await second.seal('d');
    restart();
    // Gets the session handle that the first thread has, and finds its key under the handle that the other key had.
    await second.touch();
    await second.seal('d');
    const { label, sealed } = await first.seal('a');
    const token = context().open();
    const opened = await token.aesKey({ label }, { fresh: true }).decrypt(sealed);
    expect(new TextDecoder().decode(opened)).toBe(label);
    token.close();
  });

  it('loses no session that a thread has opened since a restart to one that another had before', async () => {
    const { thread, restart, sessions } = program();
    const threads = [await thread(), await thread(), await thread()];
    for (let round = 0; round < 3; round += 1) {
      restart();
      for (const { touch } of threads.toReversed()) await touch();
      expect(sessions()).toHaveLength(threads.length);
    }
  });
});
