import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openModule } from '../src/index.ts';
import { codeIn } from './fixtures/error-code.ts';
import { describeWithToken } from './fixtures/with-token.ts';

describeWithToken('a module', (context) => {
  /** Makes a token with the label of another and without a user PIN, as this package makes none. */
  function makeTwin(label: string): void {
    const { raw, temporary } = context();
    const vacant = raw.C_GetSlotList(true).find((slot) => (raw.C_GetTokenInfo(slot).flags & 0x400) === 0);
    if (vacant === undefined) throw new Error('there is no vacant token');
    raw.C_InitToken(vacant, temporary.soPin, label.padEnd(32));
  }

  it('lists its tokens, among them one that was never initialised', () => {
    const { module, temporary } = context();
    expect(module.tokens()).toMatchObject([
      { label: temporary.label, manufacturer: 'SoftHSM project', initialized: true },
      { label: '', initialized: false },
    ]);
  });

  it('can be opened twice, through a link too, and stays initialised until the last is closed', () => {
    const { module, temporary } = context();
    const link = join(temporary.directory, 'link.so');
    symlinkSync(temporary.modulePath, link);
    const second = openModule({ path: link });
    expect(second.path).toBe(module.path);
    second.close();
    second.close();
    expect(codeIn(() => second.tokens())).toBe('CLOSED');
    expect(module.tokens()).toHaveLength(2);
  });

  it('closes its tokens', async () => {
    const { temporary } = context();
    const module = openModule({ path: temporary.modulePath });
    const token = module.openToken({ label: temporary.label, pin: temporary.pin });
    module.close();
    expect(token.sessions().open).toBe(0);
    await expect(token.randomBytes(1)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(codeIn(() => token.aesKey({ label: 'any' }))).toBe('CLOSED');
  });

  it('is refused when the file is absent or no module', () => {
    const { temporary } = context();
    expect(codeIn(() => openModule({ path: join(temporary.directory, 'absent.so') }))).toBe(
      'MODULE_UNAVAILABLE',
    );
    expect(codeIn(() => openModule({ path: temporary.environment.SOFTHSM2_CONF }))).toBe(
      'MODULE_UNAVAILABLE',
    );
  });

  it('initialises only tokens that are vacant, and pads the label', () => {
    const { module, temporary } = context();
    const { pin, soPin } = temporary;
    const label = 'Schlüssel, zweiter';
    const info = module.initializeToken({ label, pin, soPin });
    expect(info).toMatchObject({ label, initialized: true });
    expect(module.tokens().map((token) => token.label)).toContain(temporary.label);
    module.openToken({ serial: info.serial, pin }).close();
    expect(() => module.initializeToken({ label: 'x'.repeat(33), pin, soPin })).toThrow(RangeError);
    expect(() => module.initializeToken({ label: '', pin, soPin })).toThrow(RangeError);
  });

  it('leaves a token vacant that does not take the PINs', () => {
    const { module, temporary } = context();
    const { pin, soPin } = temporary;
    const initialize = (pins: { pin?: string; soPin?: string }) =>
      module.initializeToken({ label: 'fresh', pin, soPin, ...pins });
    expect(codeIn(() => initialize({ pin: '123' }))).toBe('PIN_UNUSABLE');
    expect(codeIn(() => initialize({ pin: '1'.repeat(256) }))).toBe('PIN_UNUSABLE');
    expect(codeIn(() => initialize({ soPin: '123' }))).toBeDefined();
    // @ts-expect-error
    expect(() => initialize({ pin: 12_345 })).toThrow(TypeError);
    // @ts-expect-error
    expect(() => initialize({ soPin: 12_345 })).toThrow(TypeError);
    expect(module.tokens().map(({ label }) => label)).not.toContain('fresh');
    initialize({});
    module.openToken({ label: 'fresh', pin }).close();
  });

  it('goes on with a token that took its label and not the PIN of the user, and makes no second one', () => {
    const { module, temporary, cryptoki } = context();
    const { pin, soPin } = temporary;
    const weak = Object.assign(new Error('CKR_PIN_TOO_WEAK'), { code: 0x1b8 });
    vi.spyOn(cryptoki, 'C_InitPIN').mockImplementationOnce(() => {
      throw weak;
    });
    const begin = (pins: { soPin: string }) => module.initializeToken({ label: 'begun', pin, ...pins });
    const begun = () => module.tokens().filter(({ label }) => label === 'begun');
    expect(codeIn(() => begin({ soPin }))).toBe('PIN_UNUSABLE');
    const [first] = begun();
    expect(first).toMatchObject({ initialized: true });
    expect(codeIn(() => begin({ soPin: `${soPin}0` }))).toBe('PIN_INCORRECT');
    expect(begin({ soPin })).toEqual(first);
    expect(begun()).toEqual([first]);
    module.openToken({ label: 'begun', pin }).close();
    vi.restoreAllMocks();
  });

  it('does not check the length of a PIN if the token reports no limits', () => {
    const { module, temporary, cryptoki } = context();
    const told = cryptoki.C_GetTokenInfo.bind(cryptoki);
    vi.spyOn(cryptoki, 'C_GetTokenInfo').mockImplementation((slot) => ({
      ...told(slot),
      minPinLen: 0xffff_ffff,
      maxPinLen: 0,
    }));
    const { pin, soPin } = temporary;
    expect(module.initializeToken({ label: 'untold', pin, soPin }).label).toBe('untold');
    vi.restoreAllMocks();
  });

  it('names the option in the error for a mistake', () => {
    const { module, temporary } = context();
    const { label, pin, soPin } = temporary;
    const wrongly = (options: object) => ({ pin, soPin, path: temporary.modulePath, ...options });
    for (const [option, call] of [
      ['path', () => openModule(wrongly({ path: undefined }))],
      ['label', () => module.initializeToken({ label, ...wrongly({ label: undefined }) })],
      ['label', () => module.openToken(wrongly({}))],
      ['label', () => module.openToken(wrongly({ label: 5 }))],
      ['serial', () => module.openToken(wrongly({ serial: null }))],
      ['pin', () => module.openToken(wrongly({ label, pin: undefined }))],
    ] as const) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(new RegExp(`^${option}: expected `));
    }
  });

  it('opens a token by exactly one of label and serial number', () => {
    const { module, temporary } = context();
    const { label, pin } = temporary;
    const serial = module.tokens()[0]?.serial ?? '';
    expect(() => module.openToken({ pin })).toThrow(TypeError);
    expect(() => module.openToken({ label, serial, pin })).toThrow(TypeError);
    expect(codeIn(() => module.openToken({ label: 'nobody', pin }))).toBe('TOKEN_NOT_FOUND');
    expect(codeIn(() => module.openToken({ label: '', pin }))).toBe('TOKEN_NOT_FOUND');
  });

  it('shows the other tokens when one cannot be asked', () => {
    const { module, temporary, cryptoki } = context();
    const { label, pin } = temporary;
    const before = module.tokens();
    const missing = Object.assign(new Error('CKR_TOKEN_NOT_RECOGNIZED'), { code: 0xe1 });
    const fails = () => {
      throw missing;
    };
    const ask = vi.spyOn(cryptoki, 'C_GetTokenInfo');
    expect(ask.mockImplementationOnce(fails) && module.tokens()).toEqual(before.slice(1));
    ask.mockImplementationOnce(fails);
    expect(codeIn(() => module.openToken({ label: 'nobody', pin }))).toBe('TOKEN_NOT_FOUND');
    ask.mockRestore();
    module.openToken({ label, pin }).close();
  });

  it('refuses a label that two tokens share, and takes their serial numbers', () => {
    const { module, temporary } = context();
    const { pin, soPin } = temporary;
    const first = module.initializeToken({ label: 'twin', pin, soPin });
    makeTwin('twin');
    expect(codeIn(() => module.openToken({ label: 'twin', pin }))).toBe('TOKEN_AMBIGUOUS');
    const token = module.openToken({ serial: first.serial, pin });
    expect(token.info.serial).toBe(first.serial);
    token.close();
  });

  it('makes no second token of a label, by which neither could be opened any more', () => {
    const { module, temporary } = context();
    const { pin, soPin } = temporary;
    const options = { label: 'in use', pin, soPin };
    module.initializeToken(options);
    const before = module.tokens();
    expect(codeIn(() => module.initializeToken(options))).toBe('TOKEN_EXISTS');
    expect(module.tokens()).toEqual(before);
    module.openToken(options).close();
    // Nor if another token of the label was begun.
    makeTwin('in use');
    expect(codeIn(() => module.initializeToken(options))).toBe('TOKEN_EXISTS');
  });

  it('gives no token a label that ends in what labels are padded with', () => {
    const { module, temporary } = context();
    const { pin, soPin } = temporary;
    const before = module.tokens();
    for (const label of ['x ', 'x\0', ' ', '\0 ']) {
      expect(() => module.initializeToken({ label, pin, soPin })).toThrow(RangeError);
    }
    expect(module.tokens()).toEqual(before);
  });
});
