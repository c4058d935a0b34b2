import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config/config.ts';
import { startProxy } from '../src/server.ts';
import { BASE, decryptBody, encryptBody } from './fixtures/bodies.ts';
import { type RequestChanges, requestBytes, writeTestConfig } from './fixtures/proxy.ts';
import { exchange, type HttpAnswer } from './fixtures/raw-http.ts';

const files = await writeTestConfig();
afterAll(() => {
  trace.disable();
  context.disable();
  files.dispose();
});

// So long that they do not occur by chance, and recognisable in every spelling.
const plaintext = Buffer.from('canary of a plaintext: \u0000\u00ff\u{1f426} "\\ </>', 'utf8');
const aad = Buffer.from('canary of a context');
const secrets = {
  plaintext,
  aad,
  pin: Buffer.from(files.pin),
  ...Object.fromEntries(
    Object.entries(files.credentials).map(([name, { secretAccessKey }]) => [
      name,
      Buffer.from(secretAccessKey),
    ]),
  ),
  // A secret access key is base64 itself.
  ...Object.fromEntries(
    Object.entries(files.credentials).map(([name, { secretAccessKey }]) => [
      `${name} decoded`,
      Buffer.from(secretAccessKey, 'base64'),
    ]),
  ),
  tlsKey: Buffer.from(
    readFileSync(join(files.directory, 'server.key'), 'utf8').split('\n').slice(1, -2).join(''),
  ),
};

/** The spellings in which bytes might get into a text. */
function spellings(secret: Buffer): string[] {
  const text = secret.toString('latin1');
  const utf8 = secret.toString('utf8');
  const shifted = [0, 1, 2].map((shift) =>
    // The middle of base64 in which the bytes begin at another offset.
    Buffer.concat([Buffer.alloc(shift), secret])
      .toString('base64')
      .slice(4, -4),
  );
  return [
    ...[text, utf8].flatMap((plain) => [
      plain,
      JSON.stringify(plain).slice(1, -1),
      encodeURIComponent(plain),
    ]),
    secret.toString('hex'),
    secret.toString('base64').replace(/=+$/, ''),
    secret.toString('base64url'),
    ...shifted,
    secret.join(','),
    secret.join(', '),
    createHash('sha256').update(secret).digest('hex'),
    Buffer.from(secret.toString('base64')).toString('base64').slice(0, -4),
  ].filter((spelling) => spelling.length >= 6);
}

function expectNothingIn(text: string, where: string): void {
  const lower = text.toLowerCase();
  for (const [name, secret] of Object.entries(secrets)) {
    for (const spelling of spellings(secret)) {
      expect(lower.includes(spelling.toLowerCase()), `${name} in ${where}`).toBe(false);
    }
  }
}

describe('no secret', () => {
  it('is in logs, metrics, audit records, spans or answers, whatever is sent', async () => {
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
    const lines: string[] = [];
    const audit = join(files.directory, 'audit');
    const toml = `${files.toml}\n[admin]\nport = 0\n[audit]\ndirectory = "audit"\nrequired = true\nfsync = "never"\n`;
    const parse = (text: string) => parseConfig(text, { baseDirectory: files.directory });
    const proxy = await startProxy(parse(toml), { log: { write: (line: string) => lines.push(line) } });
    const answers: HttpAnswer[] = [];
    const call = async (path: string, body: unknown, changes: RequestChanges = {}) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const host = `localhost:${proxy.port}`;
      const request = requestBytes(BASE + path, text, changes, host, files.credentials.acme);
      const answer = await exchange({ port: proxy.port, ca: files.ca }, request);
      answers.push(answer);
      return answer;
    };

    const encoded = {
      plaintext: plaintext.toString('base64'),
      additionalAuthenticatedData: aad.toString('base64'),
    };
    const body = encryptBody(encoded);
    const { json: sealed } = await call('/keys/orders/encrypt', body);
    const opened = await call('/keys/orders/decrypt', decryptBody(sealed, encoded));
    expect(opened.json).toEqual({ plaintext: encoded.plaintext });
    answers.pop();
    for (const changed of [
      { plaintext: plaintext.toString('latin1') },
      { plaintext: `${encoded.plaintext}=` },
      { plaintext: plaintext.toString('hex') },
      { encryptionAlgorithm: encoded.plaintext },
      { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' },
      { plaintext: Buffer.alloc(5000, plaintext).toString('base64') },
    ]) {
      await call('/keys/orders/encrypt', { ...body, ...changed });
    }
    for (const key of ['disabled', 'missing', 'decrypt-only', 'nothing'])
      await call(`/keys/${key}/encrypt`, body);
    await call('/keys/orders/encrypt', `${JSON.stringify(body).slice(0, -1)}, broken`);
    await call('/keys/orders/encrypt', [body]);
    await call('/keys/orders/encrypt', body, { skewMs: 3_600_000 });
    await call('/keys/orders/encrypt', body, { sent: { body: JSON.stringify({ ...body, more: 1 }) } });
    await call('/keys/orders/encrypt', body, { sent: { method: 'PUT' } });
    await call(
      '/keys/orders/decrypt',
      decryptBody({ ...sealed, authenticationTag: Buffer.alloc(16).toString('base64') }, encoded),
    );
    await call(
      '/keys/orders/decrypt',
      decryptBody({ ...sealed, ciphertextMetadata: encoded.plaintext }, encoded),
    );
    await call(`/keys/${encoded.plaintext}/encrypt`, body).catch(() => undefined);
    await exchange(
      { port: proxy.port, ca: files.ca },
      `POST /${plaintext.toString('base64url')}?${encoded.plaintext} HTTP/1.1\r\n\r\n`,
    );

    // A PIN and a secret in places of other values, and a PIN that the token refuses.
    const errors: unknown[] = [];
    for (const wrong of [
      toml.replace('pin_file = "pin"', `pin_file = "${files.pin}"`),
      toml.replace('pin_file = "pin"', `pin = "${files.pin}"`),
      toml.replace('"acme.secret"', `"${files.credentials.acme.secretAccessKey}"`),
      `${toml}\nbroken ${files.credentials.acme.secretAccessKey}`,
      toml.replace(/\[\[tokens\]\][^[]*/, (row) =>
        [row, row.replace('pin_file = "pin"', 'pin_file = "acme.secret"\nname = "second"\n')].join(''),
      ),
    ]) {
      await proxy.reload(() => parse(wrong)).catch((error: unknown) => errors.push(error));
    }
    expect(errors).toHaveLength(5);
    const metrics = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
    await proxy.close();

    expect(lines.length).toBeGreaterThan(25);
    expect(exporter.getFinishedSpans().length).toBeGreaterThan(15);
    expectNothingIn(lines.join(''), 'the log');
    expectNothingIn(metrics, 'the metrics');
    for (const file of readdirSync(audit))
      expectNothingIn(readFileSync(join(audit, file), 'utf8'), 'the audit trail');
    const spans = exporter
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
    expectNothingIn(JSON.stringify(spans), 'the spans');
    for (const { headers, text } of answers)
      expectNothingIn(JSON.stringify([...headers]) + text, 'an answer');
    for (const error of errors) {
      for (let cause = error; cause instanceof Error; cause = cause.cause)
        expectNothingIn(`${cause.stack}`, 'an error');
    }
  });

  it('would go unnoticed by this test', () => {
    for (const secret of Object.values(secrets)) {
      for (const text of [
        secret.toString('hex').toUpperCase(),
        `x${secret.toString('base64')}`,
        secret.join(','),
      ]) {
        expect(() => expectNothingIn(`{"field":"${text}"}`, 'a text')).toThrow(/ in a text/);
      }
    }
  });
});
