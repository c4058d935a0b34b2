import { openModule, type Token } from '@holdfast/pkcs11';
import type { TokenConfig } from '../config/config.ts';
import type { DeviceInfo, KeyDevice } from './key-device.ts';
import { areLost, LATE_IN_LIBUV, lateCalls } from './late-calls.ts';
import { pkcs11Device } from './pkcs11-device.ts';
import { threadDevice } from './threads/thread-device.ts';
import { type ThreadPool, threadPool } from './threads/thread-pool.ts';
import { threadSettings } from './threads/thread-settings.ts';
import { probeToken } from './token-probe.ts';

/** Sessions with a token, and the way its calls are made. */
export interface TokenConnection {
  readonly device: KeyDevice;
  readonly info: DeviceInfo;
  /** Sessions: how many there may be, are open and are idle; and how many calls were given up and have not returned. */
  counts(): { readonly limit: number; readonly open: number; readonly idle: number; readonly hung: number };
  /** Whether so many calls never returned that no more are made. */
  isStuck(): boolean;
  /**
   * Opens everything anew that can be opened without the risk that the event loop waits for the token. Rejects with
   * Pkcs11Error; then this connection is closed.
   */
  renewed(): Promise<TokenConnection>;
  /**
   * Resolves when all calls that return have returned, and the sessions are closed. The module stays open while a call hangs,
   * and is closed when the last one has returned.
   */
  close(): Promise<void>;
}

/**
 * Logs in at a token. Rejects with Pkcs11Error.
 *
 * @param options.isInUse whether this process is logged in there already: then the PIN is not offered until the next login
 */
export async function connectToken(
  config: TokenConfig,
  { isInUse = false }: { readonly isInUse?: boolean } = {},
): Promise<TokenConnection> {
  const { selector, maxSessions } = config;
  const settings = threadSettings(config);
  // Where calls must not block the event loop, the first ones must not either. The probe logs in by itself.
  if (!isInUse && (config.calls === 'worker' || config.calls === 'auto')) await probeToken(settings);
  const module = openModule({ path: config.module });
  try {
    const maxWaiting = WAITING_PER_SESSION * maxSessions;
    const { pin, pinGuard } = settings;
    const open = (options: { maxSessions: number; calls?: 'inline' | 'threadpool' }) =>
      module.openToken({ ...selector, pin, pinGuard, maxWaiting, ...options });
    if (config.calls === 'threadpool') {
      const token = open({ maxSessions, calls: config.calls });
      return direct(config, token, () => module.close());
    }
    const token = open({ maxSessions });
    if (config.calls === 'inline' || (config.calls === 'auto' && (await isFast(token)))) {
      return direct(config, token, () => module.close());
    }
    const pool = threadPool({
      settings: { ...settings, memory: module.memory },
      maxThreads: maxSessions,
      maxWaiting,
    });
    await pool.warmUp('all');
    return threaded(config, token.info, pool, () => module.close());
  } catch (error) {
    module.close();
    throw error;
  }
}

/** A connection with all calls in threads. The module stays open here: that keeps it initialised and the user logged in. */
function threaded(
  config: TokenConfig,
  info: DeviceInfo,
  pool: ThreadPool,
  closeModule: () => void,
): TokenConnection {
  const connection: TokenConnection = {
    device: threadDevice(config.name, pool),
    info,
    counts() {
      const { threads, busy, hung } = pool.counts();
      return { limit: config.maxSessions, open: threads, idle: threads - busy, hung };
    },
    isStuck: () => pool.isStuck(),
    async renewed() {
      await pool.renew();
      return connection;
    },
    // A module cannot be finalised under a call.
    close: () => pool.close(closeModule),
  };
  return connection;
}

/** A connection with calls from this thread or libuv's; the token and its module are opened anew together. */
function direct(config: TokenConfig, token: Token, closeModule: () => void): TokenConnection {
  const late = lateCalls(config.calls === 'threadpool' ? LATE_IN_LIBUV : undefined);
  return {
    device: pkcs11Device(config.name, token, config.iv, late),
    info: token.info,
    counts: () => ({ ...token.sessions(), hung: late.count() }),
    isStuck: () => areLost(late, config.maxSessions),
    async renewed() {
      closeModule();
      return connectToken(config);
    },
    close: async () => closeModule(),
  };
}

/** Whether a call takes no longer than a message to another thread, as with a token inside this process. */
async function isFast(token: Token): Promise<boolean> {
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const startedAt = performance.now();
    await token.randomBytes(12);
    if (performance.now() - startedAt < FAST_MS) return true;
  }
  return false;
}

// More calls would miss their deadline while they wait: it is better to tell KMS at once that the token is busy.
const WAITING_PER_SESSION = 4;
const TRIALS = 8;
const FAST_MS = 0.25;
