// Started with the files of a certificate and its key: node:https and nothing else, for requests and answers of the
// proxy's sizes. What it costs is what no proxy can do without.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [certificateFile = '', keyFile = ''] = process.argv.slice(2);
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
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).length > 4_300 ? largest : small;
      const headers = { 'Content-Type': 'application/json', 'Content-Length': text.length };
      outgoing.writeHead(200, headers).end(text);
    });
  },
).listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  process.stdout.write(`${JSON.stringify({ event: 'listening', port })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
