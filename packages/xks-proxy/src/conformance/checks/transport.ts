import assert from 'node:assert/strict';
import { type ConnectionOptions, connect } from 'node:tls';
import { assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import { tlsOptions } from '../client.ts';
import { inTime } from '../in-time.ts';
import type { Target } from '../target.ts';

/** TLS, HTTP version, content type and time. */
export const transportChecks: readonly Check[] = [
  ...checks('API content type', {
    'negotiates one of the cipher suites that AWS KMS offers, with a certificate for its name': async ({
      target,
    }) => {
      const { cipher } = await handshake(target, { ciphers: Object.keys(SUITES).join(':') });
      assert.ok(cipher in SUITES, `negotiated ${cipher}`);
    },
    'answers a client that speaks nothing but HTTP/1.1': async ({ target, getHealthStatus }) => {
      const { protocol } = await handshake(target, { ALPNProtocols: ['http/1.1'] });
      assert.ok(protocol === 'http/1.1' || protocol === false, `negotiated ${String(protocol)}`);
      assertSuccess(await getHealthStatus());
    },
    'answers in JSON with the content type of JSON': async ({ target, ...client }) => {
      assertSuccess(await client.getKeyMetadata(target.keys.enabled));
      assertSuccess(await client.encrypt(target.keys.enabled));
      assertSuccess(await client.getHealthStatus());
    },
  }),
  ...checks(
    'API content type',
    {
      'negotiates a listed cipher suite over TLS 1.2': async ({ target }) => {
        const { cipher, version } = await handshake(target, { maxVersion: 'TLSv1.2' });
        assert.equal(version, 'TLSv1.2');
        assert.equal(SUITES[cipher], 'TLSv1.2', `negotiated ${cipher}`);
      },
      'negotiates a listed cipher suite over TLS 1.3': async ({ target }) => {
        const { cipher, version } = await handshake(target, { minVersion: 'TLSv1.3' });
        assert.equal(version, 'TLSv1.3');
        assert.equal(SUITES[cipher], 'TLSv1.3', `negotiated ${cipher}`);
      },
      'refuses TLS 1.1': async ({ target }) => {
        const old = handshake(target, {
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.1',
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        await assert.rejects(old, 'a handshake with TLS 1.1 succeeded');
      },
      'negotiates no cipher suite of TLS 1.2 without forward secrecy': async ({ target }) => {
        const weak = handshake(target, { maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384:AES128-SHA' });
        await assert.rejects(weak, 'a handshake with static RSA key exchange succeeded');
      },
    },
    'SHOULD',
  ),
  ...checks('Encrypt', {
    'answers within the 250 milliseconds after which AWS KMS gives up': async ({ target, encrypt }) => {
      const durationsMs: number[] = [];
      for (let call = 0; call < 9; call += 1) {
        const fields = { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' };
        const answer = await encrypt(target.keys.enabled, fields);
        assertSuccess(answer);
        durationsMs.push(answer.durationMs);
      }
      const median = durationsMs.sort((a, b) => a - b)[4] ?? Infinity;
      assert.ok(median < 250, `half of the calls took longer than ${median} ms`);
    },
  }),
];

interface Handshake {
  /** OpenSSL's name. */
  readonly cipher: string;
  readonly version: string | null;
  readonly protocol: string | false | null;
}

function handshake(target: Target, options: ConnectionOptions): Promise<Handshake> {
  const socket = connect({ ...target.address, ...tlsOptions(target), ...options });
  const shaken = new Promise<Handshake>((resolve, reject) => {
    socket.on('secureConnect', () => {
      const { name: cipher } = socket.getCipher();
      resolve({ cipher, version: socket.getProtocol(), protocol: socket.alpnProtocol });
      socket.destroy();
    });
    socket.on('error', reject);
  });
  return inTime(shaken, socket, target.timeoutMs);
}

const SUITES: Readonly<Record<string, string>> = {
  TLS_AES_256_GCM_SHA384: 'TLSv1.3',
  TLS_CHACHA20_POLY1305_SHA256: 'TLSv1.3',
  'ECDHE-RSA-AES256-GCM-SHA384': 'TLSv1.2',
  'ECDHE-ECDSA-AES256-GCM-SHA384': 'TLSv1.2',
};
