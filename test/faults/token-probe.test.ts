import { ChildProcess } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { openModule } from '@holdfast/pkcs11';
import { hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { threadSettings } from '../../packages/xks-proxy/src/devices/threads/thread-settings.ts';
import { probeToken } from '../../packages/xks-proxy/src/devices/token-probe.ts';
import { faultyModule, tokenConfig } from './fixture.ts';
import { probeProcessesOf } from './probe-processes.ts';

describe.skipIf(!hasCompiler())('a probe of a token', () => {
  it('is in the way neither of another one at the module, nor of a user of it here', {
    timeout: 60_000,
  }, async () => {
    const { shim, token } = faultyModule();
    const module = openModule({ path: shim.modulePath });
    const serial = module.tokens()[0]?.serial ?? '';
    module.close();
    const settings = [{ label: token.label }, { serial }].map((selector) =>
      threadSettings(tokenConfig(shim.modulePath, token, { selector })),
    );
    shim.fail('C_OpenSession', { delayMs: 300 }, -1);
    const probes = Promise.all(settings.map((one) => probeToken(one)));
    await expect.poll(() => shim.hits('C_OpenSession'), { timeout: 20_000 }).toBeGreaterThan(0);
    const used = openModule({ path: shim.modulePath });
    const { label, pin } = token;
    const here = used.openToken({ label, pin });
    await probes;
    expect(await here.randomBytes(1)).toHaveLength(1);
    used.openToken({ label, pin });
    used.close();
  });

  it('gives up on a module that hangs after ten seconds, and tries again when it is asked again', {
    timeout: 60_000,
  }, async () => {
    const { shim, token } = faultyModule();
    // As where it hangs in a driver.
    const kill = vi.spyOn(ChildProcess.prototype, 'kill').mockReturnValue(true);
    onTestFinished(() => kill.mockRestore());
    const settings = threadSettings(tokenConfig(shim.modulePath, token));
    shim.fail('C_OpenSession', 'hang', -1);
    const startedAt = performance.now();
    await expect(probeToken(settings)).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
    expect(performance.now() - startedAt).toBeLessThan(12_000);
    expect(kill).toHaveBeenCalled();
    // None that keeps this one from its end.
    expect(process.getActiveResourcesInfo()).not.toContain('ProcessWrap');
    kill.mockRestore();
    shim.heal();
    await probeToken(settings);
  });

  it('tells of a PIN that was refused although the module hangs at its end', {
    timeout: 60_000,
  }, async () => {
    const { shim, token } = faultyModule();
    const pin = createSecretKey('wrong', 'utf8');
    shim.fail('C_Login', { delayMs: 1 }, -1);
    shim.fail('C_Finalize', 'hang', -1);
    for (let time = 0; time < 2; time += 1) {
      const settings = threadSettings(tokenConfig(shim.modulePath, token, { pin }));
      await expect(probeToken(settings)).rejects.toMatchObject({ code: 'PIN_INCORRECT' });
    }
    expect(shim.hits('C_Login')).toBe(1);
  });

  it('goes on at signals that go to all processes of the proxy', { timeout: 60_000 }, async () => {
    const { shim, token } = faultyModule();
    // The probe lasts as long as it takes to find its process.
    shim.fail('C_OpenSession', 'hang');
    const probe = probeToken(threadSettings(tokenConfig(shim.modulePath, token)));
    await expect.poll(() => shim.hits('C_OpenSession'), { timeout: 20_000 }).toBe(1);
    const [pid, ...others] = probeProcessesOf(process.pid);
    expect(others).toEqual([]);
    if (pid === undefined) throw new Error('there is no probe');
    for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) process.kill(pid, signal);
    shim.heal();
    // The failure of a call that hung: a probe that was killed would have none.
    await expect(probe).rejects.toMatchObject({ code: 'DEVICE_ERROR' });
  });

  it('is ended when it has answered, whatever else is loaded into it', { timeout: 60_000 }, async () => {
    const { shim, token } = faultyModule();
    vi.stubEnv('NODE_OPTIONS', '--import=data:text/javascript,setInterval(()=>{},1000)');
    onTestFinished(() => void vi.unstubAllEnvs());
    await probeToken(threadSettings(tokenConfig(shim.modulePath, token)));
    await expect.poll(() => probeProcessesOf(process.pid)).toEqual([]);
  });

  it('that cannot be started says nothing else of the token than that it does not answer', async () => {
    const { shim, token } = faultyModule();
    // More than the system gives to any process.
    vi.stubEnv('TOO_LONG', 'x'.repeat(200_000));
    const probe = probeToken(threadSettings(tokenConfig(shim.modulePath, token)));
    vi.unstubAllEnvs();
    await expect(probe).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
  });
});
