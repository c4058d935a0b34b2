import type { IncomingMessage } from 'node:http';

/**
 * The text of an answer. Rejects if the connection fails, and for more than a MiB, which no answer of the API comes near:
 * then it destroys the connection.
 */
export function answerText(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BYTES) chunks.push(chunk);
      else incoming.destroy(new Error(`an answer of more than ${MAX_BYTES} bytes`));
    });
    incoming.on('error', reject);
    incoming.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

const MAX_BYTES = 1024 * 1024;
