import type { HttpBindings } from '@hono/node-server';
import type { JsonObject } from '../wire.ts';
import { EXCEPTION_STATUS, XksException } from '../xks-exception.ts';

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  /** Absent when the request succeeded. */
  readonly error?: XksException | undefined;
}

/**
 * Writes an answer together with those of the requests that came with this one, or after eight milliseconds. A write wakes its
 * reader, which is most of its cost, and one that is awake need not be woken for the next.
 */
export function send({ incoming, outgoing }: HttpBindings, { status, body }: Answer): void {
  const text = JSON.stringify(body);
  // What is left of an unread body would be taken for the next request.
  if (!incoming.complete) outgoing.shouldKeepAlive = false;
  outgoing.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  const nowMs = performance.now();
  if (ready.push({ outgoing, text }) === 1) {
    readySinceMs = nowMs;
    setImmediate(writeReady);
  }
  if (nowMs - readySinceMs >= MAX_READY_MS) writeReady();
}

function writeReady(): void {
  for (const { outgoing, text } of ready.splice(0)) outgoing.end(text);
}

/** The answer for whatever was thrown: what is no `XksException` is an `InternalException` that says no more. */
export function refusal(thrown: unknown): Required<Answer> {
  const error =
    thrown instanceof XksException
      ? thrown
      : new XksException('InternalException', 'The external key store proxy failed.', { cause: thrown });
  const { errorName, message } = error;
  return { status: EXCEPTION_STATUS[errorName], body: { errorName, errorMessage: message }, error };
}

const MAX_READY_MS = 8;
let readySinceMs = 0;
const ready: { readonly outgoing: HttpBindings['outgoing']; readonly text: string }[] = [];
