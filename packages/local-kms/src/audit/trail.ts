import type { AuditEvent, AuditedResource } from './event.ts';

/** Which events to find. A member that is left out restricts nothing. */
export interface AuditFilter {
  /** The ARN of a key, or its id; no alias. */
  readonly key?: string;
  /** From this time on. */
  readonly since?: Date;
}

/** The last calls of the API. */
export interface AuditTrail {
  record(event: AuditEvent): void;
  /** In the order in which the calls ended. Throws as `auditedKey` does. */
  find(filter?: AuditFilter): readonly AuditEvent[];
  /** Forgets all of them. */
  clear(): void;
}

/** A trail that keeps as many events as `maxEvents`, and forgets the oldest above that. */
export function createAuditTrail(maxEvents: number): AuditTrail {
  const events: AuditEvent[] = [];
  // Where the next event goes: behind the last one, and from then on in the place of the oldest.
  let next = 0;
  return {
    record(event) {
      events[next] = event;
      next = (next + 1) % maxEvents;
    },
    find(filter = {}) {
      if (filter.key !== undefined) auditedKey(filter.key);
      return [...events.slice(next), ...events.slice(0, next)].filter((event) => isFound(event, filter));
    },
    clear() {
      events.length = 0;
      next = 0;
    },
  };
}

/**
 * Returns the key of a filter. Throws RangeError for an alias: calls that name the key in another way, or not at all, as
 * Decrypt may, would be left out without notice.
 */
export function auditedKey(key: string): string {
  if (!/(^|:)alias\//.test(key)) return key;
  throw new RangeError('key: expected the id or ARN of a key, not an alias: not every call names its key');
}

/** What an event is found by. */
interface FindableEvent {
  readonly eventTime: string;
  readonly resources: readonly Pick<AuditedResource, 'ARN'>[];
}

/** Whether an event is one of those to find. */
export function isFound({ resources, eventTime }: FindableEvent, { key, since }: AuditFilter): boolean {
  return (
    (key === undefined || resources.some(({ ARN }) => ARN === key || ARN.endsWith(`:key/${key}`))) &&
    (since === undefined || Date.parse(eventTime) >= since.getTime())
  );
}
