import { secretBytes } from '@holdfast/sdk/spi';
import type { KeyService } from '../errors.ts';
import { callKeyService, invalidAnswer, isOutageStatus, outage, refusal } from '../key-service.ts';
import { checkTimeout, type HttpOptions } from './options.ts';

/** How one key service differs from the others. */
export interface JsonServiceKind {
  readonly keyService: KeyService;
  /** The headers that carry the token, and all others that every request has. */
  headers(token: string): Readonly<Record<string, string>>;
  /**
   * Returns the reason of a failure from a body, if it is one of a known list of words: any other text of a service may
   * repeat the token or the data key, and would end up in a log.
   */
  reasonOf(body: unknown): string | undefined;
  /** True for an answer, particular to this service, after which the same call may succeed. */
  isOutage?(status: number, body: unknown): boolean;
}

/** The `cause` of a `KeyringError` for an answer with another status than 200. */
interface HttpFailure {
  readonly status: number;
  /** The service's own word for the failure, if it is a known one. */
  readonly reason?: string;
  /** How long the service asks its callers to wait. */
  readonly retryAfterMs?: number;
}

/** A key service that answers JSON to JSON. */
export interface JsonService {
  /**
   * Resolves to the JSON of an answer with status 200. Follows no redirects, tries once, and reads 128 KiB at most.
   *
   * @throws KeyringError `KEY_SERVICE_UNAVAILABLE` (no answer in time, status 401, 408, 429 or 5xx, no token, or what
   *   else the kind of service counts as an outage), `KEY_SERVICE_REFUSED` (any other status) or
   *   `KEY_SERVICE_ANSWER_INVALID` (no JSON, or too much of it)
   */
  post(url: string, body: Readonly<Record<string, string | number>>): Promise<unknown>;
}

/**
 * @throws TypeError for a `token` or `fetch` that is not a function
 * @throws RangeError for a `timeoutMs` out of bounds
 */
export function jsonService(kind: JsonServiceKind, options: HttpOptions): JsonService {
  const { keyService } = kind;
  const { token, fetch: send = fetch } = options;
  // Otherwise the mistake would look like an outage, much later.
  if (typeof token !== 'function') throw new TypeError('token: expected a function that resolves to one');
  if (typeof send !== 'function') throw new TypeError('fetch: expected a function');
  const timeoutMs = checkTimeout(options.timeoutMs);
  // A failure before there is an answer says nothing about the data key.
  const failures = { keyService, isOutage: () => true };

  return {
    async post(url, body) {
      const ask = async (signal: AbortSignal) => {
        const headers = { ...kind.headers(checkToken(await token())), 'content-type': 'application/json' };
        const response = await send(url, {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
          redirect: 'manual',
          signal,
        });
        const retryAfter = response.headers.get('retry-after');
        return { status: response.status, retryAfter, bytes: await readBody(response) };
      };
      const { status, retryAfter, bytes } = await callKeyService(failures, () => withinTime(timeoutMs, ask));
      const answer = parseJson(bytes);
      bytes?.fill(0);
      if (status !== 200) {
        const failure = httpFailure(status, kind.reasonOf(answer), retryAfter);
        // A service that does not accept the token says nothing about the data key, as without a token.
        const isOutage = status === 401 || isOutageStatus(status) || kind.isOutage?.(status, answer) === true;
        throw isOutage ? outage(keyService, failure) : refusal(keyService, failure);
      }
      if (bytes === undefined) throw invalidAnswer(keyService, 'more than it has to say');
      if (answer === undefined) throw invalidAnswer(keyService, 'something else than JSON');
      return answer;
    },
  };
}

function httpFailure(status: number, reason: string | undefined, retryAfter: string | null): HttpFailure {
  // None of the services uses the other form of the header, a date.
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
  return {
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
  };
}

/** Resolves to what `work` resolves to in time. Its timer keeps the process alive, which `AbortSignal.timeout` does not. */
async function withinTime<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const lose = (): void => late.abort(new DOMException('no answer in time', 'TimeoutError'));
  const timer = setTimeout(lose, timeoutMs);
  const lost = new Promise<never>((_, reject) => {
    late.signal.addEventListener('abort', () => reject(late.signal.reason));
  });
  try {
    return await Promise.race([work(late.signal), lost]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error of `fetch` for a header that cannot be sent would repeat the token. */
function checkToken(token: unknown): string {
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new TypeError('token: expected visible ASCII without spaces');
}

/** Resolves to the body, or to `undefined` if it is longer than any valid answer. */
async function readBody({ body }: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream: ReadableStream<Uint8Array> | null = body;
  const reader = stream?.getReader();
  try {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      chunks.push(part.value);
      length += part.value.length;
      if (length > MAX_ANSWER_BYTES) {
        await reader?.cancel();
        return undefined;
      }
    }
    const bytes = secretBytes(length);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}

/** The error of a failed parse is dropped: it quotes the text, which may hold a data key. */
function parseJson(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

const MAX_ANSWER_BYTES = 0x20000;
