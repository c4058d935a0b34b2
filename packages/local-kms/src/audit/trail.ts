import type { AuditEvent, AuditedResource } from './event.ts';

/** Which events to find. What is left out matters not. */
export interface AuditFilter {
  /** The ARN of a key, or its id. */
  readonly key?: string;
  /** From this time on. */
  readonly since?: Date;
}

/** The last calls of the API. */
export interface AuditTrail {
  record(event: AuditEvent): void;
  /** In the order in which the calls ended. */
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
    find: (filter = {}) =>
      [...events.slice(next), ...events.slice(0, next)].filter((event) => isFound(event, filter)),
    clear() {
      events.length = 0;
      next = 0;
    },
  };
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
