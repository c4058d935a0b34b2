import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, encryptBody } from './fixtures/bodies.ts';
import { startTestProxy, type TestProxy } from './fixtures/proxy.ts';

const exporter = new InMemorySpanExporter();
let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(async () => {
  trace.disable();
  context.disable();
  await proxy.close();
});

const encrypt = (key: string) => proxy.call(`${BASE}/keys/${key}/encrypt`, encryptBody());

describe('spans', () => {
  it('are not made without an SDK', async () => {
    await expect(encrypt('orders')).resolves.toMatchObject({ status: 200 });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('are one for a request, and one below it for each call to the token', async () => {
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
    await encrypt('orders');
    await expect.poll(() => exporter.getFinishedSpans().length).toBe(2);
    const [call, request] = exporter.getFinishedSpans();
    expect(request).toMatchObject({
      name: 'Encrypt',
      kind: SpanKind.SERVER,
      status: { code: SpanStatusCode.UNSET },
    });
    expect(request?.attributes).toMatchObject({
      'xks.kmsRequestId': '4112f4d6-db54-4af4-ae30-c55a22a8dfae',
      'xks.store': 'acme',
      'xks.externalKeyId': 'orders',
      'xks.keyVersion': 1,
      'xks.token': 'xks-test',
      'xks.status': 200,
      'xks.outcome': 'success',
    });
    expect(call).toMatchObject({
      name: 'token Encrypt',
      kind: SpanKind.CLIENT,
      attributes: { 'xks.token': 'xks-test' },
    });
    expect(call?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
  });

  it('tell of failures, and of mistakes of the caller as no failures of the server', async () => {
    exporter.reset();
    await encrypt('missing');
    await expect.poll(() => exporter.getFinishedSpans().length).toBe(2);
    const [find, request] = exporter.getFinishedSpans();
    expect(find?.status.code).toBe(SpanStatusCode.ERROR);
    expect(request?.status.code).toBe(SpanStatusCode.UNSET);
    expect(request?.attributes).toMatchObject({ 'xks.status': 404, 'xks.errorName': 'KeyNotFoundException' });
  });
});
