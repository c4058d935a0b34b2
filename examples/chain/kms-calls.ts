import type { KMS } from '@aws-sdk/client-kms';

/** One call as the client saw it. */
export interface KmsCall {
  readonly operation: string;
  /** The id of AWS KMS for it, which every later hop writes into its own log. */
  readonly requestId: string;
  readonly durationMs: number;
}

/** Notes every call that `client` makes from now on, in the order in which they were answered. */
export function recordCalls(client: KMS): readonly KmsCall[] {
  const calls: KmsCall[] = [];
  client.middlewareStack.add(
    (next, context) => async (request) => {
      const started = performance.now();
      const answer = await next(request);
      calls.push({
        operation: String(context.commandName).replace(/Command$/, ''),
        requestId: answer.output.$metadata.requestId ?? 'unknown',
        durationMs: performance.now() - started,
      });
      return answer;
    },
    { step: 'initialize', name: 'recordCalls' },
  );
  return calls;
}
