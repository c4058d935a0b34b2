import { z } from 'zod';
import { KmsException } from '../kms-exception.ts';
import type { XksProxy } from '../xks/client.ts';
import { type XksCredential, xksCredential } from '../xks/credential.ts';
import { createXksMetrics } from '../xks/metrics.ts';

/** `https://` and a host name, without a port: AWS KMS calls a proxy on 443. Read as the host name. */
export const xksProxyUriEndpoint = z
  .string()
  .min(10)
  .max(128)
  .regex(/^https:\/\/[a-zA-Z0-9.-]+$/)
  .transform((uri) => uri.slice('https://'.length));

/** `[/prefix]/kms/xks/vN`. */
export const xksProxyUriPath = z
  .string()
  .min(10)
  .max(128)
  .regex(/^(\/[a-zA-Z0-9/_-]+)?\/kms\/xks\/v\d{1,2}$/);

/** Read into a credential whose secret cannot be read back. */
export const xksProxyAuthenticationCredential = z
  .object({
    AccessKeyId: z
      .string()
      .min(20)
      .max(30)
      .regex(/^[A-Z2-7]+$/),
    RawSecretAccessKey: z
      .string()
      .min(43)
      .max(64)
      .regex(/^[a-zA-Z0-9/+=]+$/),
  })
  .transform(({ AccessKeyId, RawSecretAccessKey }) => xksCredential(AccessKeyId, RawSecretAccessKey));

/** How a proxy is reached. There are no VPC endpoint services here; `assertPublic` says so in the API's own words. */
export const xksProxyConnectivity = {
  XksProxyConnectivity: z.enum(['PUBLIC_ENDPOINT', 'VPC_ENDPOINT_SERVICE']).optional(),
  XksProxyVpcEndpointServiceName: z.string().optional(),
  XksProxyVpcEndpointServiceOwner: z.string().optional(),
} as const;

/**
 * A proxy, with the metrics of `previous` if that is at the same place. Throws XksProxyInvalidConfigurationException
 * for a path of another version of the XKS API than v1.
 */
export function xksProxy(
  host: string,
  path: string,
  credential: XksCredential,
  previous?: XksProxy,
): XksProxy {
  if (path.endsWith('/kms/xks/v1')) {
    const isMoved = previous?.host !== host || previous.path !== path;
    return { host, path, credential, metrics: isMoved ? createXksMetrics() : previous.metrics };
  }
  throw new KmsException('XksProxyInvalidConfigurationException', 'The XKS API is called in its version v1.');
}

/** Throws XksProxyVpcEndpointServiceNotFoundException for any connectivity but the public one. */
export function assertPublic({
  XksProxyConnectivity = 'PUBLIC_ENDPOINT',
  XksProxyVpcEndpointServiceName,
  XksProxyVpcEndpointServiceOwner,
}: ConnectivityInput): void {
  const service = XksProxyVpcEndpointServiceName ?? XksProxyVpcEndpointServiceOwner;
  if (XksProxyConnectivity === 'PUBLIC_ENDPOINT' && service === undefined) return;
  throw new KmsException(
    'XksProxyVpcEndpointServiceNotFoundException',
    'There are no VPC endpoint services here.',
  );
}

type ConnectivityInput = {
  readonly [Member in keyof typeof xksProxyConnectivity]?: z.output<(typeof xksProxyConnectivity)[Member]>;
};
