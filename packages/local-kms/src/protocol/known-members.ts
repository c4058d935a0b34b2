import { z } from 'zod';
import type { RequestMembers } from '../policy/request-members.ts';

/**
 * Returns the members of objects that a schema names, at any depth, as they were sent; one that is null counts as absent,
 * as in the AWS JSON protocol. Checks no constraint: a value of another type stays as it is. Throws TypeError
 * for a schema of anything but objects.
 */
export function knownMembers(schema: z.core.$ZodType): (sent: object) => RequestMembers {
  if (schema instanceof z.ZodPipe) return knownMembers(schema.in);
  if (!(schema instanceof z.ZodObject)) throw new TypeError('schema: expected one of objects');
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  const byName = new Map(Object.entries(shape).map(([name, member]) => [name, knownValue(member)]));
  return (sent) =>
    Object.fromEntries(
      Object.entries(sent).flatMap(([name, value]) => {
        const known = value === null ? undefined : byName.get(name);
        return known ? [[name, known(value)]] : [];
      }),
    );
}

function knownValue(schema: z.core.$ZodType): (value: unknown) => unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return knownValue(schema.unwrap());
  if (schema instanceof z.ZodArray) {
    const known = knownValue(schema.element);
    return (value) => (Array.isArray(value) ? value.map(known) : value);
  }
  if (!(schema instanceof z.ZodObject)) return (value) => value;
  const known = knownMembers(schema);
  return (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? known(value) : value;
}
