import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { type ArnScope, arnScope } from './arn.ts';
import type { AuditEvent } from './audit/event.ts';
import type { Authentication } from './identity/authentication.ts';
import type { SignedRequest } from './identity/signature.ts';
import { xksStoreMetrics } from './key-stores/xks-store-metrics.ts';
import type { Account } from './kms.ts';
import { KmsException, toKmsException } from './kms-exception.ts';
import type { Log } from './log.ts';
import { OPERATIONS } from './operations/index.ts';
import type { Gate } from './policy/gates.ts';
import { operationName, originOf, parseJson, readBody, signedRegion } from './protocol/incoming-request.ts';
import type { Operation, Output } from './protocol/operation.ts';
import { type RequestNotes, recordRequest } from './request-record.ts';

/** What an app serves requests with. */
export interface AppOptions {
  /** The current account: a reset puts another one in its place. */
  readonly account: () => Account;
  /** The account, and the Region of requests that are signed for none. */
  readonly scope: ArnScope;
  readonly authenticate: Authentication;
  readonly gate: Gate;
  /** Resolves when every change so far is in the store: no answer tells of anything that could still be lost. */
  readonly flush: () => Promise<void>;
  readonly log: Log;
  readonly audit: (event: AuditEvent) => void;
}

/**
 * The AWS JSON 1.1 protocol over HTTP: `POST /` with the operation in `X-Amz-Target`. Every request passes this
 * one gate, which names it, finds its Region and its caller, runs its operation, turns whatever is thrown into an
 * exception of the API, logs it and audits it.
 */
export function createApp(options: AppOptions): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get('/xks-metrics', async ({ json }) => {
    const answer = await answerOf(options.flush, async () => ({
      stores: xksStoreMetrics(options.account()),
    }));
    if ('output' in answer) return json(answer.output);
    return json({ message: answer.error.message }, 500);
  });
  app.all('*', async ({ env: { incoming } }) => {
    const started = performance.now();
    const reading = readBody(incoming, MAX_BODY_BYTES);
    // A reset while the body is read takes effect before the request.
    await reading.catch(() => undefined);
    // The client has hung up: no operation has arrived, and there is nobody to answer.
    if (incoming.errored) return RESPONSE_ALREADY_SENT;
    const account = options.account();
    const { region, accountId } = options.scope;
    const notes: RequestNotes = {
      requestId: account.ids.uuid('request'),
      operation: operationName(incoming),
      scope: arnScope(signedRegion(incoming.headers.authorization) ?? region, accountId),
      origin: originOf(incoming),
      started,
      keyArns: [],
      xksCalls: [],
    };
    const answer = await answerOf(options.flush, async () => {
      const signed = { headers: incoming.headersDistinct, body: await reading };
      return outputOf(signed, { ...options, account, notes });
    });
    recordRequest(notes, 'error' in answer ? answer.error : undefined, { ...options, account });
    return responseOf(answer, notes.requestId);
  });
  return app;
}

/** What a request runs with, and the notes that are taken of it. */
interface RunOptions extends Pick<AppOptions, 'authenticate' | 'gate'> {
  readonly account: Account;
  readonly notes: RequestNotes;
}

/** Runs the operation that a request names. */
async function outputOf(
  signed: SignedRequest,
  { account, notes, authenticate, gate }: RunOptions,
): Promise<Output> {
  account.catchUp();
  const { requestId, operation, origin } = notes;
  const { request } = operationNamed(operation);
  notes.identity = authenticate(signed);
  const { caller, region } = notes.identity;
  if (region !== undefined) notes.scope = arnScope(region, notes.scope.accountId);
  const { members, run } = request(parseJson(signed.body));
  // Not earlier: a Region stays once it was asked for, and an unknown caller must not add any.
  const kms = account.region(notes.scope.region);
  notes.members = members;
  return run({
    ...kms,
    ...origin,
    caller,
    concerns: (keyArn) => void notes.keyArns.push(keyArn),
    access(resource, { permission = operation, named, members: more, kms: place = kms } = {}) {
      if (resource.includes(':key/')) notes.keyArns.push(resource);
      const access = { caller, action: `kms:${permission}`, resource, named, kms: place };
      gate({ ...access, members: { ...members, ...more }, ...origin });
    },
    xksCaller: {
      kmsOperation: operation,
      kmsRequestId: requestId,
      awsPrincipalArn: caller.arn,
      observe: (xksCall) => void notes.xksCalls.push(xksCall),
    },
  });
}

type Answer<T> = { readonly output: T } | { readonly error: KmsException };

async function answerOf<T>(flush: () => Promise<void>, run: () => Promise<T>): Promise<Answer<T>> {
  try {
    try {
      return { output: await run() };
    } finally {
      await flush();
    }
  } catch (thrown) {
    return { error: toKmsException(thrown) };
  }
}

function responseOf(answer: Answer<Output>, requestId: string): Response {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId };
  if ('output' in answer) return new Response(JSON.stringify(answer.output), { status: 200, headers });
  const { code, message, status } = answer.error;
  return new Response(JSON.stringify({ __type: code, message }), { status, headers });
}

function operationNamed(name: string): Operation {
  const operation = OPERATIONS.get(name);
  if (operation) return operation;
  throw new KmsException('UnknownOperationException', 'The request names no operation of this KMS.');
}

const MAX_BODY_BYTES = 1_048_576;
