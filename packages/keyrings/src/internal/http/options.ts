/** What a keyring that asks a key service over HTTP takes beside the name of its key. */
export interface HttpOptions {
  /**
   * Resolves to the access token of the key service. Called before every request, so a token that can be reused is kept
   * here. A rejection counts as an outage, since nothing is known about the data key then.
   */
  readonly token: () => Promise<string>;
  /**
   * Replaces the global `fetch`, for instance to trust a private certificate authority, to go through a proxy, or to try
   * again. Must respect the `redirect` and `signal` that it is given. Default: the global one.
   */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The time for the token and a call with all of its answer. Default 10,000. */
  readonly timeoutMs?: number;
  /** Talk to another machine without TLS: an eavesdropper gets token and data keys. Default false. */
  readonly unsafeAllowHttp?: boolean;
}

/**
 * The URL of a key service: `https:`, or `http:` on this machine.
 *
 * @param name of the option, for errors
 * @throws TypeError for a text that is not such a URL, or has user, query or fragment
 */
export function serviceUrl(name: string, text: string, { unsafeAllowHttp = false }: HttpOptions): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  // An empty query or fragment shows in the text only, not in the parsed URL.
  if (url === undefined || !isPlain || /[?#\s]/.test(text)) {
    throw new TypeError(`${name}: expected a URL without user, query and fragment`);
  }
  const isPrivate = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (!isPrivate && !(url.protocol === 'http:' && unsafeAllowHttp)) {
    throw new TypeError(`${name}: expected https:, or http: on this machine`);
  }
  return url;
}

/** @throws RangeError unless `timeoutMs` is a whole number from 1 to 300,000 */
export function checkTimeout(timeoutMs = 10_000): number {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 300_000) {
    throw new RangeError('timeoutMs: expected a whole number from 1 to 300,000');
  }
  return timeoutMs;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
