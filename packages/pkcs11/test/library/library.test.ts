import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as pkcs11js from 'pkcs11js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openModule } from '../../src/index.ts';
import { acquireLibrary } from '../../src/library/library.ts';
import { findModule, type TemporaryToken, temporaryToken } from '../../src/testing.ts';
import { codeIn } from '../fixtures/error-code.ts';

const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';

describe.skipIf(missing)(`a library${reason}`, () => {
  let temporary: TemporaryToken;
  beforeEach(() => {
    temporary = temporaryToken();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    temporary.dispose();
  });
  const fails = (): never => {
    // As pkcs11js reports a return value.
    throw Object.assign(new Error('CKR_DEVICE_ERROR:48'), { code: 0x30 });
  };
  const open = () => openModule({ path: temporary.modulePath });

  it('that does not say what it is leaves nothing initialised', () => {
    const { prototype } = pkcs11js.PKCS11;
    const finalize = vi.spyOn(prototype, 'C_Finalize');
    vi.spyOn(prototype, 'C_GetInfo').mockImplementationOnce(fails);
    expect(codeIn(open)).toBe('DEVICE_ERROR');
    expect(finalize).toHaveBeenCalledTimes(1);
    open().close();
    expect(finalize).toHaveBeenCalledTimes(2);
  });

  /** Resolves to the outcome of a thread that opens the module and closes it again. */
  const inThread = async (memory?: SharedArrayBuffer): Promise<unknown> => {
    const thread = new Worker(new URL('../fixtures/open-module-program.ts', import.meta.url));
    const ended = once(thread, 'exit');
    thread.postMessage({ path: temporary.modulePath, memory }, []);
    const answer: unknown[] = await once(thread, 'message');
    await ended;
    return answer[0];
  };

  it('is not initialised by a thread that would unload it without an end', async () => {
    const module = open();
    module.close();
    expect(await inThread(module.memory)).toEqual({ code: 'MODULE_UNAVAILABLE' });
    // The next thread does not find the module initialised either.
    expect(await inThread(module.memory)).toEqual({ code: 'MODULE_UNAVAILABLE' });
  });

  it('is opened in a thread while the main thread has it open', async () => {
    const module = open();
    expect(await inThread(module.memory)).toEqual({ tokens: 2 });
    expect(module.tokens()).toHaveLength(2);
    module.close();
    expect(await inThread(module.memory)).toEqual({ code: 'MODULE_UNAVAILABLE' });
  });

  it('is not opened in a thread without the memory of the main thread, or with other memory', async () => {
    const module = open();
    expect(await inThread()).toEqual({ code: 'TypeError' });
    expect(await inThread(new SharedArrayBuffer(4))).toEqual({ code: 'TypeError' });
    module.close();
  });

  it('has the same memory when it is opened anew', () => {
    const { memory, ...module } = open();
    module.close();
    const again = open();
    expect(again.memory).toBe(memory);
    again.close();
  });

  it('that cannot be finalised is released all the same, without an error', async () => {
    const { label, pin } = temporary;
    const module = open();
    const library = acquireLibrary(temporary.modulePath);
    const finalize = vi.spyOn(library.cryptoki, 'C_Finalize').mockImplementationOnce(fails);
    const close = vi.spyOn(library.cryptoki, 'close');
    library.release();
    const token = module.openToken({ label, pin });
    const underWay = token.randomBytes(8);
    module.close();
    expect(await underWay).toHaveLength(8);
    expect(finalize).toHaveBeenCalledTimes(1);
    expect(close).toHaveBeenCalledTimes(1);
    const again = open();
    expect(again.tokens()).toHaveLength(2);
    again.close();
  });
});
