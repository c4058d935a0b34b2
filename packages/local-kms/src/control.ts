import { Hono } from 'hono';
import { z } from 'zod';
import { type HttpServer, startHttpServer } from './http-server.ts';
import type { LocalKms } from './local-kms.ts';

/** What can be done to a KMS from outside of its process. */
export type Controlled = Pick<LocalKms, 'reset' | 'advanceClock' | 'flush'>;

/**
 * Takes resets and moves of the clock over HTTP, for tests in another process: `POST /reset`, and `POST /clock` with
 * `{"advanceMs": …}`. It is a server of its own, on 127.0.0.1 and at a port that no KMS client is given. What a web page
 * could send is refused: a request names the server by its address, and has a body of JSON. Rejects with the error of
 * the socket, such as EADDRINUSE.
 */
export async function startControl(
  kms: Controlled,
  { port, onError }: { readonly port: number; readonly onError: (error: NodeJS.ErrnoException) => void },
): Promise<HttpServer> {
  return startHttpServer({ host: '127.0.0.1', port, fetch: controlApp(kms).fetch, onError });
}

function controlApp(kms: Controlled): Hono {
  const app = new Hono();
  app.use(async ({ req, json }, next) => {
    const isMeant = HOST.test(req.header('host') ?? '') && req.header('content-type') === 'application/json';
    return isMeant ? next() : json({ message: 'expected application/json, sent to 127.0.0.1' }, 403);
  });
  app.post('/reset', async ({ body }) => {
    await kms.reset();
    return body(null, 204);
  });
  app.post('/clock', async ({ req, body, json }) => {
    const move = clockMove.safeParse(await req.json().catch(() => undefined));
    if (!move.success) return json({ message: 'expected {"advanceMs": …}' }, 400);
    try {
      kms.advanceClock(move.data.advanceMs);
    } catch (error) {
      if (error instanceof RangeError) return json({ message: error.message }, 400);
      throw error;
    }
    await kms.flush();
    return body(null, 204);
  });
  return app;
}

const HOST = /^(127\.0\.0\.1|localhost):\d{1,5}$/;
const clockMove = z.strictObject({ advanceMs: z.number() });
