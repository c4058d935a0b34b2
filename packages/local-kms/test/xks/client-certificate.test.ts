import type { TLSSocket } from 'node:tls';
import { CreateCustomKeyStoreCommand } from '@aws-sdk/client-kms';
import { createLocalKms } from '@holdfast/local-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { clientAuthority } from '../../../xks-proxy/test/fixtures/client-certificates.ts';
import { keyStoreInput, refusal, startKms } from '../fixtures/kms.ts';
import { startTestProxy } from '../fixtures/proxy.ts';

const commonName = 'cks.kms.eu-north-1.amazonaws.com';

/** What CreateCustomKeyStore comes to at a proxy that takes clients of an authority, and who came. */
async function meet(trusted: { certificatePem: string }, { cert, key }: { cert: string; key: string }) {
  const seen: string[] = [];
  const tls = { requestCert: true, rejectUnauthorized: true, ca: trusted.certificatePem };
  const proxy = await startTestProxy('proxy.example', { tls });
  onTestFinished(() => proxy.close());
  proxy.onConnection = (socket: TLSSocket) => void seen.push(String(socket.getPeerCertificate().subject.CN));
  const { client } = await startKms({
    xksHosts: { [proxy.host]: proxy.address },
    xksCertificateAuthorities: proxy.certificate,
    xksTimeoutMs: 10_000,
    xksClientCertificate: { certificatePem: cert, keyPem: key },
  });
  const result = await refusal(client.send(new CreateCustomKeyStoreCommand(keyStoreInput(proxy))));
  return { result, seen };
}

describe('the client certificate', () => {
  test('is shown to a proxy that asks for it', async () => {
    const authority = await clientAuthority();
    const met = await meet(authority, await authority.issue([commonName]));
    expect(met).toEqual({ result: 'no exception', seen: [commonName] });
  });

  test('of an authority that the proxy does not trust makes it unreachable', async () => {
    const other = await clientAuthority();
    const met = await meet(await clientAuthority(), await other.issue([commonName]));
    expect(met).toEqual({ result: 'XksProxyUriUnreachableException', seen: [] });
  });

  test('is refused without its own key, or unread', async () => {
    const authority = await clientAuthority();
    const [first, second] = [await authority.issue(['a']), await authority.issue(['b'])];
    for (const keyPem of [second.key, 'no key', '']) {
      const xksClientCertificate = { certificatePem: first.cert, keyPem };
      expect(() => createLocalKms({ xksClientCertificate })).toThrow(RangeError);
    }
    const unread = { certificatePem: 'no certificate', keyPem: first.key };
    expect(() => createLocalKms({ xksClientCertificate: unread })).toThrow(RangeError);
  });
});
