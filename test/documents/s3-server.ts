import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** As much of Amazon S3 as keeps objects, in memory: whole ones and uploads in parts. */
export async function startS3Server(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const objects = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    void answer(objects, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function answer(
  objects: Map<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
  const part = (number: number): string => `${pathname}?${searchParams.get('uploadId')}.${number}`;
  switch (`${request.method}${searchParams.has('uploads') ? ' uploads' : ''}`) {
    case 'POST uploads':
      return void response.end(xml('InitiateMultipartUploadResult', '<UploadId>1</UploadId>'));
    case 'POST': {
      const parts = [...body.toString().matchAll(/<PartNumber>(\d+)/g)].map(([, number]) => Number(number));
      objects.set(pathname, Buffer.concat(parts.map((number) => objects.get(part(number)) ?? Buffer.of())));
      return void response.end(xml('CompleteMultipartUploadResult', ''));
    }
    case 'PUT': {
      const number = searchParams.get('partNumber');
      objects.set(number === null ? pathname : part(Number(number)), body);
      return void response.setHeader('etag', `"${createHash('md5').update(body).digest('hex')}"`).end();
    }
    default: {
      const object = objects.get(pathname);
      if (object === undefined) response.statusCode = 404;
      return void response.end(object ?? xml('Error', '<Code>NoSuchKey</Code>'));
    }
  }
}

function xml(name: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${name}>${content}</${name}>`;
}
