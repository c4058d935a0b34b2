// Started with the files of a certificate and its key: node:https and nothing else, for requests and answers of the
// proxy's sizes. What it costs is what no proxy can do without. With a setting in its environment it also verifies a
// signature and makes the two calls of the token for each, in the proxy's stages: the least that all of this costs in one
// process.
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { turnToWork } from '../../packages/xks-proxy/src/http/loop-turn.ts';
import { PARTS_SETTING, PARTS_VARIABLE, signatureVerification, tokenCalls } from './parts.ts';

const [certificateFile = '', keyFile = ''] = process.argv.slice(2);
const setting = process.env[PARTS_VARIABLE];
const work = setting === undefined ? undefined : allParts(setting);
const base64 = (bytes: number) => Buffer.alloc(bytes, 7).toString('base64');
const answer = (plaintextBytes: number) =>
  JSON.stringify({
    ciphertext: base64(plaintextBytes),
    ciphertextMetadata: base64(3),
    initializationVector: base64(12),
    authenticationTag: base64(16),
    ciphertextDataIntegrityValue: base64(32),
  });
const [small, largest] = [answer(160), answer(4300)];

const server = createServer(
  { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
  (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => void respond(outgoing, Buffer.concat(chunks)));
  },
).listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  process.stdout.write(`${JSON.stringify({ event: 'listening', port })}\n`);
});
process.once('SIGTERM', () => process.exit(0));

async function respond(outgoing: ServerResponse, body: Buffer): Promise<void> {
  if (work !== undefined) {
    await turnToWork();
    await work();
  }
  const text = body.length > 4_300 ? largest : small;
  const headers = { 'Content-Type': 'application/json', 'Content-Length': text.length };
  outgoing.writeHead(200, headers).end(text);
}

function allParts(text: string): () => Promise<void> {
  const { path, caller, token } = PARTS_SETTING.parse(JSON.parse(text));
  const verify = signatureVerification(path, caller);
  const { call } = tokenCalls(token);
  return async () => {
    verify();
    await call();
  };
}
