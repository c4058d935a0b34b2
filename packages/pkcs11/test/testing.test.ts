import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, expect, it, vi } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../tools/vitest/runs-typescript.ts';
import { openModule } from '../src/index.ts';
import { findModule, temporaryToken } from '../src/testing.ts';
import { describeWithToken } from './fixtures/with-token.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

it('PKCS11_MODULE comes before every known path', () => {
  vi.stubEnv('PKCS11_MODULE', '/chosen/module.so');
  expect(findModule()).toBe('/chosen/module.so');
});

describeWithToken('a temporary token', (context) => {
  it('is refused while the module is open', () => {
    expect(context().temporary.directory).not.toBe('');
    expect(() => temporaryToken()).toThrow('close it first');
  });

  // On Node 20, garbage collection can wait for ever for a lock of a pair that was generated synchronously.
  it('takes a key that was generated synchronously, while garbage is collected', async () => {
    const program = fileURLToPath(new URL('import-of-new-pair.ts', import.meta.url));
    const options = { timeout: 10_000, killSignal: 'SIGKILL' } as const;
    const running = promisify(execFile)(process.execPath, ['--expose-gc', RUNS_TYPESCRIPT, program], options);
    expect((await running).stdout).toBe('imported\n');
  });

  it('leaves neither folder nor environment behind', () => {
    const { module, temporary } = context();
    module.close();
    const before = process.env['SOFTHSM2_CONF'];
    const second = temporaryToken({ label: 'second' });
    expect(process.env['SOFTHSM2_CONF']).toBe(second.environment.SOFTHSM2_CONF);
    const reopened = openModule({ path: second.modulePath });
    reopened.openToken({ label: 'second', pin: second.pin });
    reopened.close();
    second.dispose();
    expect(existsSync(second.directory)).toBe(false);
    expect(process.env['SOFTHSM2_CONF']).toBe(before);
    expect(temporary.label).toBe('holdfast-test');
  });
});
