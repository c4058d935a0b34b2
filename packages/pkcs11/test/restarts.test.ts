import { afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { CallMode } from '../src/index.ts';
import { importAesKey, outsider } from '../src/testing.ts';
import { occupyThreads } from './fixtures/occupy-threads.ts';
import { describeWithToken } from './fixtures/with-token.ts';

const LABELS = ['a', 'b', 'c', 'd'] as const;
type Label = (typeof LABELS)[number];

const message = (name: string) => ({
  iv: crypto.getRandomValues(new Uint8Array(12)),
  aad: new Uint8Array(3),
  plaintext: new TextEncoder().encode(name),
});

// SoftHSM counts its handles from the start when it is initialised, sessions and keys together.
describeWithToken('a token that restarts', (context) => {
  afterEach(() => void vi.restoreAllMocks());

  beforeAll(() => {
    const { temporary } = context();
    for (const [at, label] of LABELS.entries()) {
      importAesKey(temporary, { label, value: new Uint8Array(32).fill(at + 1) });
    }
  });

  /** A program that has found its keys since the token started: all of the first handles are in use. */
  function program(calls: CallMode, { tokens: count = 1 } = {}) {
    const { open, temporary } = context();
    const stranger = outsider(temporary);
    const restart = () => {
      stranger.finalizeModule();
      stranger.initializeModule();
    };
    restart();
    const token = open({ calls });
    const tokens = [token, ...Array.from({ length: count - 1 }, () => open({ calls }))];
    for (const each of tokens) for (const label of LABELS) each.aesKey({ label });
    onTestFinished(() => {
      stranger.leave();
      for (const each of tokens) each.close();
    });
    /** Restarts the module with calls under way that it has not begun: a module need not survive finalisation during a call. */
    const restartOver = async <T>(begin: () => readonly Promise<T>[], meet: () => readonly Promise<T>[]) => {
      const release = calls === 'threadpool' ? occupyThreads() : undefined;
      const before = begin();
      await Promise.resolve();
      restart();
      const all = [...before, ...meet()];
      await release?.();
      return Promise.all(all);
    };
    const seal = async (label: Label, by = token) => {
      const input = message(label);
      return { label, sealed: { ...input, ...(await by.aesKey({ label }).encrypt(input)) } };
    };
    return { token, tokens, restart, restartOver, seal };
  }

  /** Checks, as another program, that each ciphertext opens with the key it was made for. */
  async function expectRightKeys(
    results: readonly Awaited<ReturnType<ReturnType<typeof program>['seal']>>[],
  ) {
    const token = context().open();
    for (const { label, sealed } of results) {
      const opened = await token.aesKey({ label }, { fresh: true }).decrypt(sealed);
      expect(new TextDecoder().decode(opened)).toBe(label);
    }
    token.close();
  }

  it.each(['inline', 'threadpool'] as const)(
    'never has a key encrypt under another, where a lookup opens a session first, with calls %s',
    async (calls) => {
      const { token, restart } = program(calls);
      const [a, input] = [token.aesKey({ label: 'a' }), message('a')];
      restart();
      const random = token.randomBytes(4);
      token.aesKey({ label: 'd' }, { fresh: true });
      const sealed = a.encrypt(input);
      await random;
      await expectRightKeys([{ label: 'a', sealed: { ...input, ...(await sealed) } }]);
    },
  );

  it.each(['inline', 'threadpool'] as const)(
    'has every call under way come out right, however they fall, with calls %s',
    async (calls) => {
      for (let round = 0; round < 4; round += 1) {
        const { token, restartOver, seal } = program(calls);
        await Promise.all(LABELS.slice(round).map(async () => token.randomBytes(1)));
        const results = await restartOver(
          () => LABELS.slice(0, 1 + round).map(async (label) => seal(label)),
          () =>
            LABELS.toReversed().flatMap((label, at) => {
              if (at === round) token.aesKey({ label }, { fresh: true });
              return [seal(label), seal(LABELS[(round + at) % 4] ?? 'a')];
            }),
        );
        await expectRightKeys(results);
        token.close();
      }
    },
    60_000,
  );

  it.each(['inline', 'threadpool'] as const)('decrypts what was under way, with calls %s', async (calls) => {
    const { token, restartOver, seal } = program(calls);
    const sealed = await Promise.all([...LABELS, ...LABELS].map(async (label) => seal(label)));
    const open = async (one: (typeof sealed)[number]) => {
      const opened = await token.aesKey({ label: one.label }).decrypt(one.sealed);
      return new TextDecoder().decode(opened);
    };
    const opened = await restartOver(
      () => sealed.map(open),
      () => {
        for (const label of LABELS.toReversed()) token.aesKey({ label }, { fresh: true });
        return sealed.map(open);
      },
    );
    expect(opened).toEqual([...LABELS, ...LABELS, ...LABELS, ...LABELS]);
  });

  it('is noticed by all users who have it open, also those who have not called it since', async () => {
    const { tokens, restart, seal } = program('inline', { tokens: 2 });
    const [first, second] = tokens;
    restart();
    await Promise.all(LABELS.slice(1).map(async () => first?.randomBytes(1)));
    first?.aesKey({ label: 'd' }, { fresh: true });
    await expectRightKeys([await seal('a', second), await seal('d', first)]);
  });

  it('is noticed by users who have another token of its module open', async () => {
    const { module, temporary, open } = context();
    const { pin, soPin } = temporary;
    const { label } = module.initializeToken({ label: 'another', pin, soPin });
    importAesKey({ ...temporary, label }, { label: 'z', value: new Uint8Array(32).fill(9) });
    const { restart, seal } = program('inline');
    const another = open({ label });
    const key = another.aesKey({ label: 'z' });
    restart();
    // Gets the handle of the first token's session, and finds its key under the handle that key b has there.
    await key.encrypt(message('z'));
    await expectRightKeys([await seal('b')]);
    another.close();
  });

  it('does not have a new session closed by an earlier one with the same handle', async () => {
    const { token, restart, seal } = program('inline');
    for (const count of [1, 2, 3, 5, 8]) {
      await Promise.all(Array.from({ length: count }, async () => token.randomBytes(1)));
      const lent = Array.from({ length: count }, async (_, at) => seal(LABELS[at % 4] ?? 'a'));
      restart();
      await expectRightKeys(await Promise.all(lent));
      expect(token.sessions()).toMatchObject({ open: token.sessions().idle });
    }
  });

  it('costs one login', async () => {
    const { token, restart, seal } = program('inline');
    await Promise.all(LABELS.map(async () => token.randomBytes(1)));
    restart();
    const login = vi.spyOn(context().cryptoki, 'C_Login');
    await expectRightKeys(await Promise.all(LABELS.map(async (label) => seal(label))));
    expect(login).toHaveBeenCalledTimes(1);
  });

  it('costs one login also where it forgot the login alone', async () => {
    const { token, seal } = program('inline');
    const stranger = outsider(context().temporary);
    stranger.logOut();
    stranger.leave();
    const login = vi.spyOn(context().cryptoki, 'C_Login');
    await expectRightKeys([await seal('a')]);
    expect(login).toHaveBeenCalledTimes(1);
    expect(token.sessions()).toMatchObject({ open: 1, idle: 1 });
  });

  it('is not logged out by what it refuses', async () => {
    const { token, seal } = program('inline');
    const { sealed } = await seal('a');
    const { cryptoki } = context();
    const [login, opening] = [vi.spyOn(cryptoki, 'C_Login'), vi.spyOn(cryptoki, 'C_OpenSession')];
    for (let call = 0; call < 5; call += 1) {
      const bad = token.aesKey({ label: 'a' }).decrypt({ ...sealed, tag: new Uint8Array(16) });
      await expect(bad).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
    }
    expect(login).not.toHaveBeenCalled();
    expect(opening).not.toHaveBeenCalled();
    await expectRightKeys([{ label: 'a', sealed }]);
  });
});
