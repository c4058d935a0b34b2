import assert from 'node:assert/strict';
import type { Answer, Fields } from './client.ts';

/** The body of a 200 answer. */
export function assertSuccess(answer: Answer): Fields {
  assert.equal(answer.status, 200, `expected 200, got ${answer.status} ${answer.text}`);
  return jsonObject(answer);
}

/** Asserts one of the named errors, in the form that "Error codes" prescribes. */
export function assertException(
  answer: Answer,
  ...names: readonly [ExceptionName, ...ExceptionName[]]
): void {
  const body = jsonObject(answer);
  const { errorName, errorMessage } = body;
  const name = names.find((candidate) => candidate === errorName);
  assert.ok(name !== undefined, `expected ${names.join(' or ')}, got ${answer.status} ${answer.text}`);
  assert.equal(answer.status, EXCEPTION_STATUS[name], `${name} came with HTTP status ${answer.status}`);
  if (errorMessage === undefined) return;
  assert.ok(typeof errorMessage === 'string', 'errorMessage is no string');
  assert.ok(errorMessage.length < 512, 'errorMessage has 512 characters or more');
  assert.match(errorMessage, /^[\x20-\x7e]*$/, 'errorMessage is not printable ASCII');
}

/** Whether a policy of the proxy denied the request, in the form that "Error codes" prescribes. */
export function isDenied(answer: Answer): boolean {
  if (answer.status !== EXCEPTION_STATUS.AccessDeniedException) return false;
  assertException(answer, 'AccessDeniedException');
  return true;
}

/** The bytes of a member in standard base64. */
export function assertBytes(body: Fields, field: string): Buffer {
  const text = body[field];
  assert.ok(typeof text === 'string', `${field} is no string`);
  const bytes = Buffer.from(text, 'base64');
  assert.equal(bytes.toString('base64'), text, `${field} is not standard base64`);
  return bytes;
}

/** A member that is a non-empty string. */
export function assertText(body: Fields, field: string): string {
  const text = body[field];
  assert.ok(typeof text === 'string' && text !== '', `${field} is no text`);
  return text;
}

/** Whether a value of JSON is an object. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonObject({ headers, text, status }: Answer): Fields {
  const type = headers['content-type'];
  assert.ok(
    typeof type === 'string' && /^application\/json(?:;.*)?$/i.test(type),
    `content type ${String(type)} of an answer with status ${status}`,
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    assert.fail(`an answer with status ${status} is no JSON: ${text}`);
  }
  assert.ok(isObject(value), `an answer with status ${status} is no JSON object: ${text}`);
  return value;
}

/** The errors of a proxy. */
export type ExceptionName = keyof typeof EXCEPTION_STATUS;

const EXCEPTION_STATUS = {
  ValidationException: 400,
  InvalidStateException: 400,
  InvalidCiphertextException: 400,
  InvalidKeyUsageException: 400,
  AuthenticationFailedException: 401,
  AccessDeniedException: 403,
  KeyNotFoundException: 404,
  InvalidUriPathException: 404,
  ThrottlingException: 429,
  UnsupportedOperationException: 501,
  DependencyTimeoutException: 503,
  InternalException: 500,
} as const;
