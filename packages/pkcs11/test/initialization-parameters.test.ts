import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openModule } from '../src/index.ts';
import { findNssModule } from '../src/testing.ts';

const path = findNssModule() ?? '';
const missing = path === '' && process.env['CI'] === undefined;
const reason = missing ? ' (no NSS softokn: install libnss3)' : '';

describe.skipIf(missing)(`a module that wants parameters${reason}`, () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-nss-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const parameters = () => `configdir='sql:${directory}' flags=noModDB dbTokenDescription=whole`;

  it('gets them to the last byte', () => {
    const module = openModule({ path, initializationParameters: parameters() });
    expect(module.tokens().map(({ label }) => label)).toContain('whole');
    module.close();
  });

  it('is not opened without options', () => {
    // @ts-expect-error a caller without types
    expect(() => openModule()).toThrow('path: expected a text');
  });

  it('is not opened a second time with others, or without', () => {
    const initializationParameters = parameters();
    const module = openModule({ path, initializationParameters });
    expect(() => openModule({ path })).toThrow(TypeError);
    const others = `${initializationParameters}-not`;
    expect(() => openModule({ path, initializationParameters: others })).toThrow(TypeError);
    openModule({ path, initializationParameters }).close();
    expect(module.tokens()).toHaveLength(2);
    module.close();
  });

  it('takes only a token without keys and PIN for one that was never initialised', () => {
    const module = openModule({ path, initializationParameters: parameters() });
    const pins = { pin: 'of the user', soPin: '' };
    expect(module.initializeToken({ label: 'whole', ...pins }).initialized).toBe(true);
    for (const [label, code] of [
      ['whole', 'TOKEN_EXISTS'],
      ['another', 'TOKEN_NOT_FOUND'],
    ] as const) {
      expect(() => module.initializeToken({ label, ...pins })).toThrow(expect.objectContaining({ code }));
    }
    module.close();
  });
});
