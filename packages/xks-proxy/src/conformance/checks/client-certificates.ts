import assert from 'node:assert/strict';
import { errorCode } from '../../error-code.ts';
import { type Check, checks } from '../check.ts';
import { type XksClient, xksClient } from '../client.ts';
import { forgedCertificate } from '../forged-certificate.ts';
import { type ClientCertificate, knownClientCertificate } from '../target.ts';

/** Mutual TLS, for a proxy that requires it. */
export const clientCertificateChecks: readonly Check[] = [
  ...checks('Authentication', {
    'ends the handshake of a client whose certificate is of another authority': async (client) => {
      await assertNoAnswer(client, await forgedCertificate(knownClientCertificate(client.target)));
    },
  }),
  ...checks(
    'Authentication',
    {
      'ends the handshake of a client without a certificate': async (client) => {
        knownClientCertificate(client.target);
        await assertNoAnswer(client, undefined);
      },
    },
    'SHOULD',
  ),
];

async function assertNoAnswer(
  { target }: XksClient,
  clientCertificate: ClientCertificate | undefined,
): Promise<void> {
  const client = xksClient({ ...target, clientCertificate });
  try {
    const { status } = await client.getHealthStatus();
    assert.fail(`the client was answered with status ${status}`);
  } catch (error) {
    // With TLS 1.3 the client has finished the handshake when the proxy checks its certificate: it may only see the
    // connection end. With TLS 1.2 the request still waits to be written.
    if (!CONNECTION_ENDED.test(errorCode(error) ?? '')) throw error;
  } finally {
    client.close();
  }
}

const CONNECTION_ENDED = /^(?:ECONNRESET|EPIPE|EPROTO|ERR_SSL_.+)$/;
