import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { NO_AUDIT } from '../../src/audit/trail.ts';
import { openIvBudget } from '../../src/budget/iv-budget.ts';
import type { ProxyConfig } from '../../src/config/config.ts';
import { deadlineIn } from '../../src/deadline.ts';
import type { Fleet } from '../../src/devices/fleet.ts';
import { createLog } from '../../src/log.ts';
import { ALLOW_ALL } from '../../src/policy/policy.ts';
import { storeQuota } from '../../src/quota/quota.ts';
import type { Serving } from '../../src/serving.ts';
import { openStore } from '../../src/stores.ts';
import { openTracing } from '../../src/tracing.ts';
import { XksException } from '../../src/xks-exception.ts';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';
import { REGION, requestBytes } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

const credential = { accessKeyId: 'ACMEACMEACMEACMEACME', secretAccessKey: 'x'.repeat(43) };
const { device, behaviour } = memoryDevice();
const working = { ...behaviour };
const config: ProxyConfig = {
  server: { host: '127.0.0.1', port: 0, timeoutMs: 10_000, tls: { certificate: '', key: secretKey('x') } },
  tokens: [],
  health: {
    fleetSize: 1,
    proxyVendor: undefined,
    proxyModel: undefined,
    ekmVendor: undefined,
    ekmModel: undefined,
  },
  ivBudget: { stateDirectory: undefined, limit: 2 ** 32, atLimit: 'refuse' },
  stores: [
    {
      name: 'acme',
      pathPrefix: '/acme',
      regions: [REGION],
      policy: ALLOW_ALL,
      credentials: [
        {
          accessKeyId: credential.accessKeyId,
          secretAccessKey: secretKey(credential.secretAccessKey),
          createdAt: undefined,
        },
      ],
      credentialsFile: undefined,
      keysFile: undefined,
      keys: [
        {
          externalKeyId: 'orders',
          tokens: undefined,
          versions: [{ version: 1, selector: { label: 'orders' } }],
          usages: ['ENCRYPT', 'DECRYPT'],
          status: 'ENABLED',
          acceptReferenceCiphertext: false,
        },
      ],
    },
  ],
};
const fleet: Fleet = {
  description: { fleetSize: 1, proxyVendor: 'Holdfast', proxyModel: 'tests', ekmVendor: 'Holdfast' },
  members: [],
  deviceOf: () => device,
  isStuck: () => false,
  release: async () => undefined,
};
const parts = { deviceOf: () => device, quota: storeQuota('acme', undefined, undefined) };
const serving: Serving = {
  config,
  stores: config.stores.map((store) => openStore(store, parts)),
  fleet,
  budget: openIvBudget(config.ivBudget, () => undefined),
  isOut: async () => false,
  deadline: () => deadlineIn(timeoutMs),
  during: (work) => work(),
  retire: async () => undefined,
};
const app = createApp(serving, {
  log: createLog(undefined),
  audit: NO_AUDIT,
  tracing: await openTracing(),
  calls: () => () => undefined,
});
const server = createServer((...http) => void app(...http));
let port = 0;
let timeoutMs: number;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' ? (address?.port ?? 0) : 0;
});
beforeEach(() => {
  Object.assign(behaviour, working);
  ({ timeoutMs } = config.server);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const call = (changes: Readonly<Record<string, unknown>> = {}) => {
  const body = JSON.stringify(encryptBody({ ciphertextDataIntegrityValueAlgorithm: 'SHA_256', ...changes }));
  return exchange(
    { port },
    requestBytes(`${BASE}/keys/orders/encrypt`, body, {}, `127.0.0.1:${port}`, credential),
  );
};

describe('when the device', () => {
  it('does not answer in time, KMS hears of it before it gives up', async () => {
    timeoutMs = 500;
    behaviour.delayMs = 3000;
    const startedAt = performance.now();
    const answer = await call();
    expect(answer).toMatchObject({ status: 503, json: { errorName: 'DependencyTimeoutException' } });
    expect(performance.now() - startedAt).toBeLessThan(2500);
  });

  it('does not answer in time, it is asked for nothing more on behalf of that request', async () => {
    timeoutMs = 500;
    behaviour.delayMs = 600;
    await expect(call()).resolves.toMatchObject({ status: 503 });
    await new Promise((resolve) => void setTimeout(resolve, 300));
    expect(behaviour).toMatchObject({ probes: 1, encryptions: 0 });
  });

  it('opens its own ciphertext to something else, no integrity value is given', async () => {
    behaviour.wrongPlaintext = true;
    await expect(call()).resolves.toMatchObject({ status: 500, json: { errorName: 'InternalException' } });
  });

  it('does not open its own ciphertext, the fault is not the one of the caller', async () => {
    behaviour.rejectDecryption = new XksException('InvalidCiphertextException', 'no');
    await expect(call()).resolves.toMatchObject({ status: 500, json: { errorName: 'InternalException' } });
  });

  it('is busy, the trial decryption says so', async () => {
    behaviour.rejectDecryption = new XksException('ThrottlingException', 'busy');
    await expect(call()).resolves.toMatchObject({ status: 429, json: { errorName: 'ThrottlingException' } });
  });

  it('has a bit flip after the trial decryption, the integrity value disagrees with what is answered', async () => {
    behaviour.flipAfterUse = true;
    const { json } = await call();
    const bytes = (field: string) => Buffer.from(String(json[field]), 'base64');
    const sealed = bytes('ciphertext');
    sealed.writeUInt8(sealed.readUInt8(0) ^ 1);
    const valueOf = (ciphertext: Uint8Array) =>
      createHash('sha256')
        .update(Buffer.from('cHJvamVjdD1uaWxl', 'base64'))
        .update(bytes('ciphertextMetadata'))
        .update(bytes('initializationVector'))
        .update(ciphertext)
        .update(bytes('authenticationTag'))
        .digest('base64');
    expect(json['ciphertextDataIntegrityValue']).toBe(valueOf(sealed));
    expect(json['ciphertextDataIntegrityValue']).not.toBe(valueOf(bytes('ciphertext')));
  });

  it('fails in a way nobody foresaw, the answer tells nothing about it', async () => {
    behaviour.failure = new Error('secret detail');
    const answer = await call();
    expect(answer).toMatchObject({ status: 500, json: { errorName: 'InternalException' } });
    expect(answer.text).not.toContain('secret');
  });
});

function secretKey(text: string): KeyObject {
  return createSecretKey(text, 'utf8');
}
