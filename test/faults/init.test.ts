import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModule } from '@holdfast/pkcs11';
import { hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { InitChoices } from '../../packages/xks-proxy/src/init/choices.ts';
import { initialize } from '../../packages/xks-proxy/src/init/initialize.ts';
import { faultyModule } from './fixture.ts';

describe.skipIf(!hasCompiler())('a token whose initialisation fails', () => {
  it('in the middle has its PINs in their files, and is not made a second time', async () => {
    const { shim } = faultyModule();
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-init-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const choices: InitChoices = {
      folder,
      overwrites: false,
      module: shim.modulePath,
      token: { kind: 'new', label: 'begun' },
      store: 'acme',
      pathPrefix: '/acme',
      regions: ['eu-north-1'],
      hostName: 'xks.example.com',
      certificate: undefined,
      externalKeyIds: ['orders'],
      host: '127.0.0.1',
      port: 0,
      stateDirectory: 'state',
    };
    const begun = () => {
      const module = openModule({ path: shim.modulePath });
      const count = module.tokens().filter(({ label }) => label === 'begun').length;
      module.close();
      return count;
    };

    shim.fail('C_InitPIN', { returns: CKR_PIN_TOO_WEAK });
    await expect(initialize(choices)).rejects.toMatchObject({
      code: 'TOKEN_UNAVAILABLE',
      cause: { code: 'PIN_UNUSABLE', returnValue: { name: 'CKR_PIN_TOO_WEAK' } },
    });
    expect(begun()).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(['pin', 'so-pin']);
    expect(readFileSync(join(folder, 'so-pin'), 'utf8')).toMatch(/^[0-9a-f]{16}\n$/);

    await expect(initialize({ ...choices, overwrites: true })).rejects.toMatchObject({
      code: 'CHANGE_REFUSED',
    });
    expect(begun()).toBe(1);
  });
});

const CKR_PIN_TOO_WEAK = 0x1b8;
