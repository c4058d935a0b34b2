import type { Span, Tracer } from '@opentelemetry/api';
import type { CallObserver } from './devices/call-watch.ts';
import { errorCode } from './error-code.ts';
import { type RecordFields, type RequestRecord, recordFields } from './request-record.ts';
import { PRODUCT_VERSION } from './version.ts';

/** Makes spans of OpenTelemetry. */
export interface Tracing {
  /** Begins the span of a request that has just come in. */
  begin(operation: string): RequestSpan;
}

/** The span of one request. */
interface RequestSpan {
  /** Makes a span below it for each call to a device. */
  readonly call: CallObserver;
  end(record: RequestRecord): void;
}

/**
 * Opens tracing by `@opentelemetry/api` if that is installed, and none otherwise. The application brings the SDK that
 * exports the spans; without one they cost next to nothing. Attributes are the fields of the log, with `xks.` before their names.
 */
export async function openTracing(): Promise<Tracing> {
  const api = await optionalApi();
  if (api === undefined) return NO_TRACING;
  const { SpanKind, SpanStatusCode, context, trace } = api;
  const tracer: Tracer = trace.getTracer('@holdfast/xks-proxy', PRODUCT_VERSION);
  const failed = (span: Span): unknown => span.setStatus({ code: SpanStatusCode.ERROR });
  return {
    begin(operation) {
      const span = tracer.startSpan(operation, { kind: SpanKind.SERVER });
      if (!span.isRecording()) return NO_SPAN;
      const parent = trace.setSpan(context.active(), span);
      return {
        call(call) {
          const child = tracer.startSpan(`token ${call}`, { kind: SpanKind.CLIENT }, parent);
          return ({ device, error }) => {
            child.setAttribute('xks.token', device);
            if (error !== undefined) failed(child);
            child.end();
          };
        },
        end(record) {
          span.setAttributes(attributes(recordFields(record)));
          // A mistake of the caller is no error of the server.
          if (record.status >= 500) failed(span);
          span.end();
        },
      };
    },
  };
}

async function optionalApi() {
  try {
    return await import('@opentelemetry/api');
  } catch (error) {
    if (errorCode(error) === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function attributes(fields: RecordFields): Record<string, string | number> {
  const named: Record<string, string | number> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (value !== undefined) named[`xks.${field}`] = value;
  }
  return named;
}

const NO_SPAN: RequestSpan = { call: () => () => undefined, end: () => undefined };
const NO_TRACING: Tracing = { begin: () => NO_SPAN };
