import { kmsExceptionFor, type XksFailure, type XksSituation } from './failures.ts';

/** What a call to an external key store came to: a value, or why there is none. */
export type XksResult<Value> = { readonly value: Value } | XksFailed;

interface XksFailed {
  readonly failure: XksFailure;
  readonly cause?: unknown;
}

/** The value; a failure becomes the exception that the situation calls for. */
export function resultOf<Value>(result: XksResult<Value>, situation: XksSituation): Value {
  if ('failure' in result) throw kmsExceptionFor(result.failure, situation, result.cause);
  return result.value;
}
