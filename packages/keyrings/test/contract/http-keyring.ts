import { inspect } from 'node:util';
import type { Keyring } from '@holdfast/sdk/spi';
import { describe, expect, it } from 'vitest';
import type { KeyService } from '../../src/internal/errors.ts';
import type { HttpOptions } from '../../src/internal/http/options.ts';
import { answering, type Fault, type JsonServer } from '../fixtures/json-server.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from '../fixtures/materials.ts';

/** A kind of keyring that asks its key service over HTTP. */
export interface HttpKeyringKind {
  readonly keyService: KeyService;
  readonly server: () => JsonServer;
  /** A keyring for the server, with some options set otherwise, and maybe another address. */
  readonly keyring: (options?: Partial<HttpOptions>, address?: string) => Keyring;
  /** An access token that the server accepts. */
  readonly token: () => string;
  /** A body with a reason for status 403, and that reason. */
  readonly refusal: { readonly body: Readonly<Record<string, unknown>>; readonly reason: string };
}

/** What every keyring over HTTP does when the service or the network misbehave. */
export function describeHttpKeyring(name: string, kind: HttpKeyringKind): void {
  const { keyService, server, keyring, token, refusal } = kind;

  /** The failures of both directions while the server misbehaves. */
  async function failuresWith(fault: Fault, options?: Partial<HttpOptions>) {
    const { encryptedDataKeys } = await keyring().onEncrypt(encryptionMaterials());
    server().fault(fault);
    try {
      const encrypting = await keyringError(keyring(options).onEncrypt(encryptionMaterials()));
      const decrypting = await keyringError(
        keyring(options).onDecrypt(decryptionMaterials(), encryptedDataKeys),
      );
      return { encrypting, decrypting };
    } finally {
      server().fault();
    }
  }

  async function expectOutage(fault: Fault, options?: Partial<HttpOptions>): Promise<unknown> {
    const { encrypting, decrypting } = await failuresWith(fault, options);
    for (const error of [encrypting, decrypting]) {
      expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService });
    }
    return encrypting.cause;
  }

  async function expectInvalidAnswer(fault: Fault): Promise<void> {
    const { encrypting, decrypting } = await failuresWith(fault);
    expect(encrypting).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', keyService });
    expect(decrypting.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(decrypting)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
  }

  describe(`${name}, as every keyring over HTTP,`, () => {
    it.each([401, 408, 429, 500, 502, 503, 504])('takes status %i for an outage', async (status) => {
      expect(await expectOutage(answering(status, 'not even JSON'))).toEqual({ status });
    });

    it('hands on how long the service asks to wait', async () => {
      const fault = answering(429, {}, { 'retry-after': '7' });
      expect(await expectOutage(fault)).toEqual({ status: 429, retryAfterMs: 7000 });
    });

    it('takes silence, and an answer that does not end, for an outage', async () => {
      const trickle: Fault = (response) => response.writeHead(200).write('{');
      for (const fault of [() => {}, trickle]) {
        expect(await expectOutage(fault, { timeoutMs: 100 })).toMatchObject({ name: 'TimeoutError' });
      }
    });

    it('takes a token that does not come for an outage', async () => {
      const waiting = { timeoutMs: 100, token: () => new Promise<never>(() => {}) };
      expect(await expectOutage(() => {}, waiting)).toMatchObject({ name: 'TimeoutError' });
    });

    it('takes a connection that breaks for an outage, before the answer and amid it', async () => {
      await expectOutage((response) => response.destroy());
      await expectOutage((response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => response.destroy());
      });
    });

    it('takes status 403 for a refusal, with a reason that is a known one', async () => {
      const { encrypting, decrypting } = await failuresWith(answering(403, refusal.body));
      const failure = { status: 403, reason: refusal.reason };
      expect(encrypting).toMatchObject({ code: 'KEY_SERVICE_REFUSED', keyService, cause: failure });
      expect(decrypting.code).toBe('DATA_KEY_NOT_OPENED');
      expect(rootCauses(decrypting)).toEqual([failure]);
    });

    it('follows no redirect', async () => {
      const before = server().requests.length;
      for (const status of [301, 302, 303, 307, 308]) {
        const { encrypting } = await failuresWith(
          answering(status, {}, { location: `${server().url}/moved` }),
        );
        expect(encrypting).toMatchObject({ code: 'KEY_SERVICE_REFUSED', cause: { status } });
      }
      const paths = server()
        .requests.slice(before)
        .map(({ path }) => path);
      expect(paths).not.toContain('/moved');
    });

    it('takes nothing else than JSON, and not without end', async () => {
      const huge = `{"data":"${'A'.repeat(300_000)}"}`;
      for (const body of ['', 'OK', '[', '[]', 'null', '"text"', '{"a":1', '\uFEFF\uFEFF{}', '{}', huge]) {
        await expectInvalidAnswer(answering(200, body));
      }
      await expectInvalidAnswer((response) => response.end(Buffer.of(0x7b, 0x22, 0xff, 0x22, 0x7d)));
      await expectInvalidAnswer(answering(200, '['.repeat(100_000)));
      await expectInvalidAnswer(answering(200, '{"__proto__":{"value":"AAAA","data":{"toString":1}}}'));
    });

    it('stops reading what does not end', async () => {
      let sent = 0;
      const flood: Fault = (response) => {
        const chunk = Buffer.alloc(0x10000, 0x20);
        const pour = (): void => {
          if (response.destroyed || sent > 0x4000000) return;
          sent += chunk.length;
          response.write(chunk, pour);
        };
        pour();
      };
      await expectInvalidAnswer(flood);
      expect(sent).toBeLessThan(0x1000000);
    });

    it('keeps token and data key out of its errors, whatever the service repeats', async () => {
      const { dataKey } = await keyring().onEncrypt(encryptionMaterials());
      const secrets = [token(), Buffer.from(dataKey ?? []).toString('base64')];
      const body = secrets.join(' ');
      const answers = [
        answering(403, { errors: [body], error: { status: body, code: body, message: body } }),
        answering(400, body),
        answering(200, body),
        answering(200, { data: { plaintext: body, ciphertext: body }, value: body, ciphertext: body }),
      ];
      for (const fault of answers) {
        const { encrypting, decrypting } = await failuresWith(fault);
        const text = inspect([encrypting, decrypting], { depth: Infinity });
        for (const secret of secrets) expect(text).not.toContain(secret);
      }
    });

    it('takes a token that cannot be had for an outage', async () => {
      const cause = new Error('no token');
      const refusing = { token: () => Promise.reject(cause) };
      expect(await expectOutage(() => {}, refusing)).toBe(cause);
    });

    it('sends no token that has no place in a header, and does not repeat it', async () => {
      const before = server().requests.length;
      for (const wrong of ['', 's3cr t', 's3cr\r\nt', 's3crét', ' s3crt']) {
        const error = await keyringError(
          keyring({ token: async () => wrong }).onEncrypt(encryptionMaterials()),
        );
        expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', cause: { name: 'TypeError' } });
        expect(inspect(error, { depth: Infinity })).not.toContain('s3cr');
      }
      expect(server().requests).toHaveLength(before);
    });

    it('asks for the token before every call', async () => {
      const tokens = ['expired', token()];
      const impatient = keyring({ token: async () => tokens.shift() ?? '' });
      const error = await keyringError(impatient.onEncrypt(encryptionMaterials()));
      expect(error.code).toBe('KEY_SERVICE_UNAVAILABLE');
      expect((await impatient.onEncrypt(encryptionMaterials())).encryptedDataKeys).toHaveLength(1);
    });

    it('calls through the fetch that it is given', async () => {
      const urls: unknown[] = [];
      const noting: HttpOptions['fetch'] = (url, init) => {
        urls.push(url);
        return fetch(url, init);
      };
      await keyring({ fetch: noting }).onEncrypt(encryptionMaterials());
      expect(urls).toEqual([expect.stringContaining(server().url)]);
    });

    it('asks the service about nothing that is not under its very name', async () => {
      const { encryptedDataKeys } = await keyring().onEncrypt(encryptionMaterials());
      const before = server().requests.length;
      const renamed = encryptedDataKeys.flatMap((key) => [
        { ...key, providerId: `${key.providerId} ` },
        { ...key, providerId: '' },
        ...[
          Uint8Array.of(...key.providerInfo, 0),
          Uint8Array.of(0xef, 0xbb, 0xbf, ...key.providerInfo),
          key.providerInfo.subarray(0, -1),
          key.providerInfo.map((byte, i) => (i === 0 ? byte ^ 0x20 : byte)),
          new Uint8Array(0),
        ].map((providerInfo) => ({ ...key, providerInfo })),
      ]);
      const error = await keyringError(keyring().onDecrypt(decryptionMaterials(), renamed));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      expect(rootCauses(error)).toEqual([]);
      expect(server().requests).toHaveLength(before);
    });

    it('wipes the bytes of an answer once it has read them', async () => {
      const { encryptedDataKeys } = await keyring().onEncrypt(encryptionMaterials());
      const answers: Uint8Array[] = [];
      const keeping: HttpOptions['fetch'] = async (url, init) => {
        const answer = new Uint8Array(await (await fetch(url, init)).arrayBuffer());
        answers.push(answer);
        const body = new ReadableStream({
          start(controller) {
            controller.enqueue(answer);
            controller.close();
          },
        });
        return new Response(body);
      };
      await keyring({ fetch: keeping }).onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(answers).toHaveLength(1);
      expect(answers[0]?.length).toBeGreaterThan(40);
      expect(answers[0]?.every((byte) => byte === 0)).toBe(true);
    });

    it('cannot be made for an address without TLS on another machine, unless that is called unsafe', () => {
      const { port } = new URL(server().url);
      for (const host of [
        'vault.example.com',
        '127.0.0.1.example.com',
        'localhost.example.com',
        '10.0.0.1',
      ]) {
        expect(() => keyring({}, `http://${host}:${port}`)).toThrow(TypeError);
        expect(() => keyring({ unsafeAllowHttp: true }, `http://${host}:${port}`)).not.toThrow();
        expect(() => keyring({}, `https://${host}:${port}`)).not.toThrow();
      }
      for (const address of ['', 'vault', 'ftp://localhost', 'https://a@b.example', 'https://b.example?']) {
        expect(() => keyring({ unsafeAllowHttp: true }, address)).toThrow(TypeError);
      }
    });

    it('cannot be made with a timeout that is none', () => {
      for (const timeoutMs of [0, -1, 0.5, Number.NaN, 300_001]) {
        expect(() => keyring({ timeoutMs })).toThrow(RangeError);
      }
    });
  });
}
