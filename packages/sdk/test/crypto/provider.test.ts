import { describe, expect, it, onTestFinished, vi } from 'vitest';
import * as node from '../../src/crypto/node.ts';
import type { AesGcmKey, CryptoProvider } from '../../src/crypto/provider.ts';
import * as web from '../../src/crypto/web.ts';
import { rejection } from '../fixtures/memory-keyring.ts';

// The compiler checks that each module is a whole provider.
const providers: Record<string, CryptoProvider> = {
  node,
  web,
  'web in Chromium': { ...web, aesGcmKey: (key) => (key.length === 24 ? refused(key) : web.aesGcmKey(key)) },
};
const refusal = new DOMException('192-bit AES keys are not supported', 'OperationError');
/** The forms in which callers have bytes. Of a Buffer, `slice` is no copy. */
const forms = {
  'a Uint8Array': (bytes: Uint8Array) => Uint8Array.from(bytes),
  'a Buffer': (bytes: Uint8Array) => Buffer.from(bytes),
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** What the provider web makes of a key that WebCrypto refuses. */
function refused(key: Uint8Array): Promise<AesGcmKey> {
  const importKey = vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(refusal);
  try {
    return web.aesGcmKey(key);
  } finally {
    importKey.mockRestore();
  }
}

describe.each(Object.entries(providers))('the provider %s', (_, provider) => {
  it('seals as the GCM specification says (test case 16)', async () => {
    const key = await provider.aesGcmKey(
      bytes('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
    );
    const plaintext = bytes(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    );
    const out = new Uint8Array(plaintext.length + 16);
    const aad = bytes('feedfacedeadbeeffeedfacedeadbeefabaddad2');
    await key.seal(bytes('cafebabefacedbaddecaf888'), aad, plaintext, out);
    expect(hex(out)).toBe(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
        '76fc6ece0f4e1768cddf8853bb2d551b',
    );
    const opened = new Uint8Array(plaintext.length);
    expect(await key.open(bytes('cafebabefacedbaddecaf888'), aad, out, opened)).toBe(true);
    expect(opened).toEqual(plaintext);
  });

  it('leaves the output alone when a tag does not verify', async () => {
    const key = await provider.aesGcmKey(provider.randomBytes(32));
    const iv = provider.randomBytes(12);
    const sealed = new Uint8Array(48);
    await key.seal(iv, new Uint8Array(0), provider.randomBytes(32), sealed);
    const out = new Uint8Array(32);
    expect(await key.open(iv, Uint8Array.of(1), sealed, out)).toBe(false);
    expect(out).toEqual(new Uint8Array(32));
  });

  it('seals and opens long plaintexts as every other, and leaves none of one whose tag does not verify', async () => {
    const [rawKey, iv, aad] = [provider.randomBytes(32), provider.randomBytes(12), Uint8Array.of(7)];
    const key = await provider.aesGcmKey(rawKey);
    const plaintext = new Uint8Array(200_001).map((_, i) => i);
    const sealed = new Uint8Array(plaintext.length + 16);
    await key.seal(iv, aad, plaintext, sealed);
    for (const other of Object.values(providers)) {
      const opened = new Uint8Array(plaintext.length);
      expect(await (await other.aesGcmKey(rawKey)).open(iv, aad, sealed, opened)).toBe(true);
      expect(Buffer.compare(opened, plaintext)).toBe(0);
    }
    const out = new Uint8Array(plaintext.length);
    expect(await key.open(iv, Uint8Array.of(8), sealed, out)).toBe(false);
    expect(out.every((byte) => byte === 0)).toBe(true);
  });

  it('lets others have their turn while it seals and opens what is long', async () => {
    const key = await provider.aesGcmKey(provider.randomBytes(32));
    const [iv, aad, plaintext] = [provider.randomBytes(12), Uint8Array.of(7), new Uint8Array(2 ** 24)];
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    onTestFinished(() => clearInterval(timer));
    const sealed = new Uint8Array(plaintext.length + 16);
    await key.seal(iv, aad, plaintext, sealed);
    const turnsOfSeal = turns;
    expect(turnsOfSeal).toBeGreaterThan(0);
    expect(await key.open(iv, aad, sealed, plaintext)).toBe(true);
    expect(turns).toBeGreaterThan(turnsOfSeal);
  });

  it('yields to what waits for the event loop, and not to timers, of which a hidden page gets one a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let turns = 0;
    setImmediate(() => (turns += 1));
    for (let yields = 0; yields < 10; yields++) await provider.yieldToEventLoop();
    expect(turns).toBe(1);
  });

  it('gives out memory of any length', () => {
    for (const length of [0, 1, 64, 65, 100_000]) {
      const bytes = provider.unsafeBytes(length);
      expect(bytes).toHaveLength(length);
      expect(bytes.buffer.byteLength).toBe(length);
    }
  });

  it('does not open what is shorter than a tag', async () => {
    const key = await provider.aesGcmKey(provider.randomBytes(32));
    const nothing = new Uint8Array(0);
    expect(await key.open(new Uint8Array(12), nothing, new Uint8Array(15), nothing)).toBe(false);
  });

  it('throws for what is no bytes, as a fault of its own, and does not take it for a changed message', async () => {
    for (const length of [24, 32]) {
      const key = await provider.aesGcmKey(provider.randomBytes(length));
      const sealed = Array.from({ length: 32 }, () => 0);
      // @ts-expect-error a caller without types
      const open = async () => key.open(new Uint8Array(12), new Uint8Array(0), sealed, new Uint8Array(16));
      await expect(open()).rejects.toBeInstanceOf(TypeError);
    }
  });

  it.each([-1, 1.5, Number.NaN])('has no %d random bytes, and some after that', (length) => {
    expect(() => provider.randomBytes(length)).toThrow(RangeError);
    expect(provider.randomBytes(32)).not.toEqual(new Uint8Array(32));
  });

  describe.each(Object.entries(forms))('of what comes as %s', (_, formOf) => {
    it.each([16, 24, 32])('has a copy of a key of %i bytes when it lets its caller go on', async (length) => {
      const key = provider.randomBytes(length);
      const given = formOf(key);
      const made = provider.aesGcmKey(given);
      given.fill(0);
      const seal = async (by: AesGcmKey): Promise<string> => {
        const out = new Uint8Array(17);
        await by.seal(new Uint8Array(12), new Uint8Array(0), Uint8Array.of(7), out);
        return hex(out);
      };
      expect(await seal(await made)).toBe(await seal(await node.aesGcmKey(key)));
    });

    it('has read what HMAC is computed of when it lets its caller go on', async () => {
      const [key, a, b] = [provider.randomBytes(32), provider.randomBytes(7), provider.randomBytes(32)];
      const given = [key, a, b].map(formOf);
      const [givenKey = key, ...parts] = given;
      const mac = provider.hmac('SHA-384', givenKey, ...parts);
      for (const bytes of given) bytes.fill(0);
      expect(await mac).toEqual(await node.hmac('SHA-384', key, a, b));
    });

    it('has what it signs and verifies when it lets its caller go on', async () => {
      const message = provider.randomBytes(32);
      const put = (sink: { update(bytes: Uint8Array): void }): void => {
        const given = formOf(message);
        sink.update(given);
        given.fill(0);
      };
      const signingKey = await provider.generateSigningKey('P-256', 'SHA-256');
      const signer = signingKey.signer();
      put(signer);
      const verifier = (await provider.verificationKey('P-256', 'SHA-256', signingKey.publicKey))?.verifier();
      if (verifier) put(verifier);
      const signature = await signer.sign();
      expect(await verifier?.verify(signature)).toBe(true);
      const honest = (await node.verificationKey('P-256', 'SHA-256', signingKey.publicKey))?.verifier();
      honest?.update(message);
      expect(await honest?.verify(signature)).toBe(true);
    });
  });

  it.each([0, 1, 12, 32, 1000, 5000])(
    'gives out %i random bytes in memory of their own, never twice',
    (length) => {
      const drawn = Array.from({ length: 200 }, () => provider.randomBytes(length));
      for (const bytes of drawn) {
        expect(bytes).toHaveLength(length);
        expect(bytes.buffer.byteLength).toBe(length);
      }
      // Any 8 bytes in a row stand in one place only.
      const windows = drawn.flatMap((bytes) =>
        Array.from({ length: Math.floor(length / 8) }, (_, i) => hex(bytes.subarray(8 * i, 8 * i + 8))),
      );
      expect(new Set(windows).size).toBe(windows.length);
    },
  );

  it.each([16, 24, 32])('opens what another provider sealed under a key of %i bytes', async (length) => {
    const key = provider.randomBytes(length);
    const [iv, aad, plaintext] = [
      provider.randomBytes(12),
      provider.randomBytes(9),
      provider.randomBytes(50),
    ];
    for (const other of Object.values(providers)) {
      const sealed = new Uint8Array(66);
      await (await other.aesGcmKey(key)).seal(iv, aad, plaintext, sealed);
      const opened = new Uint8Array(50);
      expect(await (await provider.aesGcmKey(key)).open(iv, aad, sealed, opened)).toBe(true);
      expect(opened).toEqual(plaintext);
    }
  });

  it.each([65_536, 65_537, 200_000])('draws all of %i bytes', (length) => {
    const bytes = provider.randomBytes(length);
    expect(bytes).toHaveLength(length);
    for (let start = 0; start < length; start += 32_768) {
      expect(bytes.subarray(Math.min(start, length - 16)).some((byte) => byte !== 0)).toBe(true);
    }
  });

  it('refuses keys that are no AES keys', async () => {
    await expect((async () => provider.aesGcmKey(new Uint8Array(20)))()).rejects.toBeInstanceOf(RangeError);
  });

  it.each(['SHA-256', 'SHA-384', 'SHA-512'] as const)(
    'computes HMAC with %s as every other',
    async (hash) => {
      for (const other of Object.values(providers)) {
        const [a, b] = [provider.randomBytes(7), provider.randomBytes(0)];
        for (const length of [0, 1, 32, 64, 128, 200]) {
          const key = provider.randomBytes(length);
          expect(await provider.hmac(hash, key, a, b)).toEqual(await other.hmac(hash, key, a, b));
        }
      }
    },
  );

  it('compares', () => {
    const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(1, 3)];
    expect([provider.constantTimeEqual(a, a.slice()), provider.constantTimeEqual(a, b)]).toEqual([
      true,
      false,
    ]);
    expect(provider.constantTimeEqual(a, Uint8Array.of(1))).toBe(false);
    expect(provider.constantTimeEqual(Uint8Array.of(1), a)).toBe(false);
  });

  it.each(['P-256', 'P-384'] as const)('signs and verifies on %s', async (curve) => {
    const hash = curve === 'P-256' ? 'SHA-256' : 'SHA-384';
    const signingKey = await provider.generateSigningKey(curve, hash);
    const signer = signingKey.signer();
    signer.update(Uint8Array.of(1, 2));
    signer.update(Uint8Array.of(3));
    const signature = await signer.sign();
    expect(signature).toHaveLength(curve === 'P-256' ? 64 : 96);
    const verify = async (message: Uint8Array, tried: Uint8Array, other = provider) => {
      const verifier = (await other.verificationKey(curve, hash, signingKey.publicKey))?.verifier();
      verifier?.update(message);
      return verifier?.verify(tried);
    };
    for (const other of Object.values(providers)) {
      expect(await verify(Uint8Array.of(1, 2, 3), signature, other)).toBe(true);
    }
    expect(await verify(Uint8Array.of(1, 2, 4), signature)).toBe(false);
    expect(await verify(Uint8Array.of(1, 2, 3), new Uint8Array(signature.length))).toBe(false);
  });

  it.each([0, 65_535, 65_536, 65_537, 150_000])(
    'signs and verifies %d bytes as every other, however they are cut',
    async (length) => {
      const message = new Uint8Array(length).map((_, i) => i);
      const cut = (sink: { update(bytes: Uint8Array): void }, pieceLength: number) => {
        for (let start = 0; start < length; start += pieceLength) {
          const piece = message.slice(start, start + pieceLength);
          sink.update(piece);
          piece.fill(0); // the caller uses its memory for something else
        }
      };
      const signingKey = await provider.generateSigningKey('P-256', 'SHA-256');
      const signer = signingKey.signer();
      cut(signer, 65_536);
      const signature = await signer.sign();
      for (const other of Object.values(providers)) {
        const key = await other.verificationKey('P-256', 'SHA-256', signingKey.publicKey);
        const verifier = key?.verifier();
        if (verifier) cut(verifier, 9999);
        expect(await verifier?.verify(signature)).toBe(true);
      }
    },
  );

  it.each(['P-256', 'P-384'] as const)(
    'accepts no halves of a signature beyond the order of %s',
    async (curve) => {
      const [hash, order] =
        curve === 'P-256'
          ? (['SHA-256', 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'] as const)
          : (['SHA-384', `${'f'.repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`] as const);
      const signingKey = await provider.generateSigningKey(curve, hash);
      const signer = signingKey.signer();
      signer.update(Uint8Array.of(1));
      const signature = hex(await signer.sign());
      const [r, s] = [signature.slice(0, order.length), signature.slice(order.length)];
      const isAccepted = async (tried: string) => {
        const key = await provider.verificationKey(curve, hash, signingKey.publicKey);
        const verifier = key?.verifier();
        verifier?.update(Uint8Array.of(1));
        return verifier?.verify(bytes(tried));
      };
      expect(await isAccepted(r + s)).toBe(true);
      const [zero, max] = ['0'.repeat(order.length), 'f'.repeat(order.length)];
      for (const half of [zero, order, max]) {
        for (const tried of [half + s, r + half, half + half]) expect(await isAccepted(tried)).toBe(false);
      }
    },
  );

  it.each([
    ['the point at infinity', '00'],
    ['an uncompressed point', `04${'11'.repeat(64)}`],
    ['a wrong prefix', `05${'11'.repeat(32)}`],
    ['a short point', `02${'11'.repeat(31)}`],
    ['an x that is no field element', `02${'ff'.repeat(32)}`],
    ['an x that no point of the curve has', `02${'00'.repeat(31)}01`.replace(/01$/, '04')],
  ])('refuses %s as a public key', async (_, point) => {
    expect(await provider.verificationKey('P-256', 'SHA-256', bytes(point))).toBeUndefined();
  });

  it.each(['', 'AA==', 'AAE=', 'AAEC'])('reads the base64 %j', (text) => {
    const decoded = provider.decodeBase64(text);
    expect(decoded && provider.encodeBase64(decoded)).toBe(text);
  });

  it.each(['A', 'AA', 'AA=', 'AB==', 'AA==\n', ' AA==', 'A_==', 'AA==AA=='])(
    'refuses the base64 %j',
    (text) => {
      expect(provider.decodeBase64(text)).toBeUndefined();
    },
  );
});

it('the provider web does without AES-192 where WebCrypto has none, and not without the rest', async () => {
  const key = web.randomBytes(24);
  const [sealed, opened] = [new Uint8Array(17), new Uint8Array(1)];
  await (await refused(key)).seal(new Uint8Array(12), new Uint8Array(0), Uint8Array.of(7), sealed);
  const nodeKey = await node.aesGcmKey(key);
  expect(await nodeKey.open(new Uint8Array(12), new Uint8Array(0), sealed, opened)).toBe(true);
  expect(opened).toEqual(Uint8Array.of(7));
  await expect(refused(web.randomBytes(32))).rejects.toBe(refusal);
});

it('where AES in software is not to be had, the error says what to do, and why', async () => {
  const disallowed = new TypeError('import() is disallowed on ServiceWorkerGlobalScope');
  // Vitest wraps it.
  vi.doMock('../../src/crypto/web-aes.ts', () => {
    throw disallowed;
  });
  onTestFinished(() => vi.doUnmock('../../src/crypto/web-aes.ts'));
  expect(await rejection(refused(web.randomBytes(24)))).toMatchObject({ cause: { cause: disallowed } });
});

it('a runtime without message channels yields to its timers', async () => {
  vi.stubGlobal('MessageChannel', undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  let turns = 0;
  setTimeout(() => (turns += 1), 0);
  await web.yieldToEventLoop();
  expect(turns).toBe(1);
});
