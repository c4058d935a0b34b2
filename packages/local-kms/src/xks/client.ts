import { createHash, timingSafeEqual } from 'node:crypto';
import type { z } from 'zod';
import type { XksCallRecord, XksOperation } from '../log.ts';
import { toBase64 } from '../protocol/base64.ts';
import { millisecondsSince } from '../protocol/time.ts';
import type { XksCredential } from './credential.ts';
import { proxyErrorNamed } from './failures.ts';
import type { XksMetrics } from './metrics.ts';
import type { XksResult } from './result.ts';
import { signXksRequest } from './signature.ts';
import type { XksTransport } from './transport.ts';
import {
  decryptResponse,
  encryptResponse,
  errorResponse,
  healthStatusResponse,
  keyMetadataResponse,
  type XksCiphertext,
} from './wire.ts';

/** Where a store's proxy is and what authenticates KMS to it. */
export interface XksProxy {
  /** Host name of the endpoint URI. */
  readonly host: string;
  /** Path of the API: `[/prefix]/kms/xks/v1`. */
  readonly path: string;
  readonly credential: XksCredential;
  /** The metrics of the calls to it. */
  readonly metrics: XksMetrics;
}

/** On whose behalf a call is made: the members of `requestMetadata`, and who is told how the call went. */
export interface XksCaller {
  readonly kmsOperation: string;
  readonly kmsRequestId: string;
  readonly awsPrincipalArn: string;
  observe(call: XksCallRecord): void;
}

/** A key behind a proxy, and the ARN of the KMS key that stands for it. */
interface XksKeyReference {
  readonly xksKeyId: string;
  readonly kmsKeyArn: string;
}

/** The four operations of the XKS API, as AWS KMS calls them. No method throws for what a proxy does. */
export interface XksClient {
  /** Whether the proxy is there and at least one of its key managers serves. */
  checkHealth(proxy: XksProxy, caller: XksCaller): Promise<XksResult<true>>;
  /** Whether the key is what KMS can use: AES-256, enabled, for encryption and decryption. */
  checkKey(proxy: XksProxy, xksKeyId: string, caller: XksCaller): Promise<XksResult<boolean>>;
  /** Encrypts and has the result checked by its integrity value (XKS API, Appendix C). */
  encrypt(
    proxy: XksProxy,
    key: XksKeyReference,
    input: XksEncryptInput,
    caller: XksCaller,
  ): Promise<XksResult<XksCiphertext>>;
  decrypt(
    proxy: XksProxy,
    key: XksKeyReference,
    input: XksDecryptInput,
    caller: XksCaller,
  ): Promise<XksResult<Uint8Array>>;
}

interface XksEncryptInput {
  readonly plaintext: Uint8Array;
  readonly additionalData: Uint8Array;
}

interface XksDecryptInput extends XksCiphertext {
  readonly additionalData: Uint8Array;
}

/** The XKS API as AWS KMS of a Region calls it: signed, with a CDIV asked for, every call told to its caller. */
export function createXksClient(transport: XksTransport, region: string): XksClient {
  const call = async <Schema extends z.ZodType, Value>(
    operation: XksOperation,
    { proxy, path, body, schema, read }: XksRequest<Schema, Value>,
    caller: XksCaller,
  ): Promise<XksResult<Value>> => {
    const started = performance.now();
    const target = { host: proxy.host, path: proxy.path + path, body: JSON.stringify(body) };
    const headers = signXksRequest(target, proxy.credential, region, new Date());
    const answer = await transport.post({ ...target, headers: { ...headers } });
    const parsed = 'failure' in answer ? answer : parseAnswer(answer, schema);
    const result = 'failure' in parsed ? parsed : read(parsed.value);
    const durationMs = millisecondsSince(started);
    const record = { operation, durationMs, ...('failure' in result && { failure: result.failure }) };
    caller.observe(record);
    proxy.metrics.record(record);
    return result;
  };

  return {
    checkHealth(proxy, caller) {
      const { kmsOperation, kmsRequestId } = caller;
      const request = {
        proxy,
        path: '/health',
        body: { requestMetadata: { kmsOperation, kmsRequestId } },
        schema: healthStatusResponse,
        read: ({ ekmFleetDetails }: z.output<typeof healthStatusResponse>): XksResult<true> =>
          ekmFleetDetails.some(({ healthStatus }) => healthStatus !== 'UNAVAILABLE')
            ? { value: true }
            : { failure: 'KeyManagersUnavailable' },
      };
      return call('GetHealthStatus', request, caller);
    },

    checkKey(proxy, xksKeyId, caller) {
      const request = {
        proxy,
        path: `/keys/${xksKeyId}/metadata`,
        body: { requestMetadata: metadataOf(caller) },
        schema: keyMetadataResponse,
        read({ keySpec, keyUsage, keyStatus }: z.output<typeof keyMetadataResponse>) {
          const isForBoth = keyUsage.includes('ENCRYPT') && keyUsage.includes('DECRYPT');
          return { value: keySpec === 'AES_256' && keyStatus === 'ENABLED' && isForBoth };
        },
      };
      return call('GetKeyMetadata', request, caller);
    },

    encrypt(proxy, { xksKeyId, kmsKeyArn }, { plaintext, additionalData }, caller) {
      const request = {
        proxy,
        path: `/keys/${xksKeyId}/encrypt`,
        body: {
          requestMetadata: { ...metadataOf(caller), kmsKeyArn },
          additionalAuthenticatedData: toBase64(additionalData),
          plaintext: toBase64(plaintext),
          encryptionAlgorithm: 'AES_GCM',
          ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
        },
        schema: encryptResponse,
        read(answer: z.output<typeof encryptResponse>): XksResult<XksCiphertext> {
          const { ciphertext, initializationVector: iv, authenticationTag: tag } = answer;
          const { ciphertextMetadata: metadata, ciphertextDataIntegrityValue } = answer;
          const integrity = createHash('sha256').update(additionalData);
          if (metadata) integrity.update(metadata);
          integrity.update(iv).update(ciphertext).update(tag);
          const intact = timingSafeEqual(integrity.digest(), ciphertextDataIntegrityValue);
          if (!intact || ciphertext.length !== plaintext.length) return { failure: 'MalformedResponse' };
          return { value: { ciphertext, iv, tag, ...(metadata && { metadata }) } };
        },
      };
      return call('Encrypt', request, caller);
    },

    decrypt(proxy, { xksKeyId, kmsKeyArn }, { ciphertext, iv, tag, metadata, additionalData }, caller) {
      const request = {
        proxy,
        path: `/keys/${xksKeyId}/decrypt`,
        body: {
          requestMetadata: { ...metadataOf(caller), kmsKeyArn },
          additionalAuthenticatedData: toBase64(additionalData),
          ciphertext: toBase64(ciphertext),
          initializationVector: toBase64(iv),
          authenticationTag: toBase64(tag),
          encryptionAlgorithm: 'AES_GCM',
          ...(metadata && { ciphertextMetadata: toBase64(metadata) }),
        },
        schema: decryptResponse,
        read: ({ plaintext }: z.output<typeof decryptResponse>): XksResult<Uint8Array> =>
          plaintext.length === ciphertext.length ? { value: plaintext } : { failure: 'MalformedResponse' },
      };
      return call('Decrypt', request, caller);
    },
  };
}

/** One call: what is asked of whom, and what to make of a well-formed answer. */
interface XksRequest<Schema extends z.ZodType, Value> {
  readonly proxy: XksProxy;
  readonly path: string;
  readonly body: XksRequestBody;
  readonly schema: Schema;
  readonly read: (answer: z.output<Schema>) => XksResult<Value>;
}

type XksRequestBody = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

function metadataOf({ awsPrincipalArn, kmsOperation, kmsRequestId }: XksCaller) {
  return { awsPrincipalArn, kmsOperation, kmsRequestId };
}

function parseAnswer<Schema extends z.ZodType>(
  { status, mediaType, body }: { status: number; mediaType: string; body: string },
  schema: Schema,
): XksResult<z.output<Schema>> {
  const json = mediaType === 'application/json' ? parseJson(body) : undefined;
  if (status !== 200) {
    const error = errorResponse.safeParse(json);
    return { failure: (error.success && proxyErrorNamed(error.data.errorName)) || 'MalformedResponse' };
  }
  const parsed = schema.safeParse(json);
  return parsed.success ? { value: parsed.data } : { failure: 'MalformedResponse' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
