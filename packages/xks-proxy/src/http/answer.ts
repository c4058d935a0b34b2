import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import { EXCEPTION_STATUS, XksException } from '../errors.ts';
import type { JsonObject } from '../wire.ts';

/** A request to the proxy, with the raw one of Node behind it. */
export type AppContext = Context<{ Bindings: HttpBindings }>;

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
  /** Absent when the request succeeded. */
  readonly error?: XksException | undefined;
}

/** Writes an answer. */
export function send(
  context: AppContext,
  { status, body }: Answer,
  headers?: Readonly<Record<string, string>>,
): Response {
  const { incoming, outgoing } = context.env;
  const text = JSON.stringify(body);
  // What is left of an unread body would be taken for the next request.
  const connection = incoming.complete ? {} : { Connection: 'close' };
  const type = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  outgoing.writeHead(status, { ...type, ...connection, ...headers });
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
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
