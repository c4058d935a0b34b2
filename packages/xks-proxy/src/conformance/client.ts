import { Agent, request as httpsRequest } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { answerText } from './answer-text.ts';
import { inTime } from './in-time.ts';
import { type Patience, patienceFor } from './patience.ts';
import { requestMetadata } from './request-metadata.ts';
import { type SigningInput, signRequest } from './signer.ts';
import type { Target } from './target.ts';

/** An answer as it was received. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** From the beginning of the request to the end of the answer, without requests before it that were throttled. */
  readonly durationMs: number;
}

/** The members of a request body. */
export type Fields = Readonly<Record<string, unknown>>;

/** The headers of a request, in the order they are sent. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** How a request differs from what AWS KMS would send. */
export interface Changes {
  /** Changes the request before it is signed. */
  readonly sign?: Partial<SigningInput>;
  /** Changes the request after it was signed. */
  readonly method?: string;
  readonly path?: (path: string) => string;
  readonly body?: Uint8Array;
  readonly headers?: (headers: HeaderList) => HeaderList;
}

/** Sends requests to a proxy as AWS KMS does, or with deliberate differences. */
export interface XksClient {
  readonly target: Target;
  /** In all of these calls, `fields` replace those of a valid request; undefined removes a field. */
  readonly getKeyMetadata: (externalKeyId: string, fields?: Fields, changes?: Changes) => Promise<Answer>;
  readonly encrypt: (externalKeyId: string, fields?: Fields, changes?: Changes) => Promise<Answer>;
  readonly decrypt: (externalKeyId: string, fields: Fields, changes?: Changes) => Promise<Answer>;
  readonly getHealthStatus: (fields?: Fields, changes?: Changes) => Promise<Answer>;
  /** Posts `body` to a path below the URI path, for example `/health`. */
  readonly post: (path: string, body: Fields | Uint8Array, changes?: Changes) => Promise<Answer>;
  readonly close: () => void;
}

/**
 * A client that keeps its connections, and repeats requests that are throttled, as AWS KMS does.
 *
 * @param onAnswer called with every answer that a caller gets
 */
export function xksClient(
  target: Target,
  onAnswer: (answer: Answer) => void = () => undefined,
  patience: Patience = patienceFor(target.timeoutMs),
): XksClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ...tlsOptions(target) });
  const { awsPrincipalArn } = target.caller;
  const client: XksClient = {
    target,
    getKeyMetadata: (externalKeyId, fields = {}, changes = {}) =>
      client.post(
        `/keys/${externalKeyId}/metadata`,
        { requestMetadata: requestMetadata('CreateKey', { awsPrincipalArn }), ...fields },
        changes,
      ),
    encrypt: (externalKeyId, fields = {}, changes = {}) =>
      client.post(
        `/keys/${externalKeyId}/encrypt`,
        {
          requestMetadata: requestMetadata('Encrypt', target.caller),
          plaintext: 'SGVsbG8gV29ybGQh',
          encryptionAlgorithm: 'AES_GCM',
          ...fields,
        },
        changes,
      ),
    decrypt: (externalKeyId, fields, changes = {}) =>
      client.post(
        `/keys/${externalKeyId}/decrypt`,
        {
          requestMetadata: requestMetadata('Decrypt', target.caller),
          encryptionAlgorithm: 'AES_GCM',
          ...fields,
        },
        changes,
      ),
    getHealthStatus: (fields = {}, changes = {}) =>
      client.post('/health', { requestMetadata: requestMetadata('KmsHealthCheck'), ...fields }, changes),
    async post(path, body, changes = {}) {
      const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
      const exchange = () => send(target, agent, target.uriPath + path, bytes, changes);
      const answer = await patience.answerTo(exchange);
      onAnswer(answer);
      return answer;
    },
    close: () => agent.destroy(),
  };
  return client;
}

async function send(
  target: Target,
  agent: Agent,
  path: string,
  body: Uint8Array,
  changes: Changes,
): Promise<Answer> {
  const input: SigningInput = {
    method: changes.method ?? 'POST',
    path,
    headers: { host: target.host },
    signsDate: true,
    body,
    credential: target.credential,
    region: target.region,
    service: 'kms-xks-proxy',
    date: new Date(),
    ...changes.sign,
  };
  const signature = signRequest(input);
  const sentBody = changes.body ?? body;
  const headers: HeaderList = [
    ['Host', input.headers['host'] ?? target.host],
    ['Content-Type', 'application/json'],
    ['Content-Length', String(sentBody.length)],
    ['X-Amz-Date', signature['x-amz-date']],
    ['Authorization', signature.authorization],
  ];
  const options = {
    agent,
    ...target.address,
    method: changes.method ?? 'POST',
    path: changes.path?.(path) ?? path,
    setHost: false,
    headers: (changes.headers?.(headers) ?? headers).flat(),
  };
  const startedAt = performance.now();
  const outgoing = httpsRequest(options);
  const answer = new Promise<Answer>((resolve, reject) => {
    outgoing.on('response', (incoming) => {
      const { statusCode: status = 0, headers } = incoming;
      answerText(incoming).then(
        (text) => resolve({ status, headers, text, durationMs: performance.now() - startedAt }),
        reject,
      );
    });
    outgoing.on('error', reject);
  });
  outgoing.end(sentBody);
  return inTime(answer, outgoing, target.timeoutMs);
}

/** The TLS options: trusted authorities, the name of the server, and the certificate of the client. */
export function tlsOptions({ certificateAuthority, address, clientCertificate }: Target): TlsOptions {
  const { servername } = address;
  return {
    ...(certificateAuthority !== undefined && { ca: certificateAuthority }),
    ...(servername !== undefined && { servername }),
    ...(clientCertificate !== undefined && {
      cert: clientCertificate.certificatePem,
      key: clientCertificate.keyPem,
    }),
  };
}

type TlsOptions = Pick<ConnectionOptions, 'ca' | 'servername' | 'cert' | 'key'>;
