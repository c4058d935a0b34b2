import assert from 'node:assert/strict';
import { errorCode } from '../../files/error-code.ts';
import { type Check, checks } from '../check.ts';
import { type XksClient, xksClient } from '../client.ts';
import { forgedCertificate } from '../forged-certificate.ts';
import { type ClientCertificate, knownClientCertificate } from '../target.ts';

/** Mutual TLS, of a proxy that asks for it. */
export const clientCertificateChecks: readonly Check[] = [
  ...checks('Authentication', {
    'ends the handshake of a client whose certificate is of another authority': async (client) => {
      await assertNoAnswer(client, forgedCertificate(knownClientCertificate(client.target)));
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
    // Over TLS 1.3 the client has finished by the time the proxy looks at its certificate: it may see a mere end. Over
    // TLS 1.2 the request still waits to be written.
    if (!CONNECTION_ENDED.test(errorCode(error) ?? '')) throw error;
  } finally {
    client.close();
  }
}

const CONNECTION_ENDED = /^(?:ECONNRESET|EPIPE|EPROTO|ERR_SSL_.+)$/;
