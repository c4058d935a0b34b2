import { z } from 'zod';
import { type PatternSubject, type PolicyRule, rulesPolicy } from '../policy/rules.ts';
import { INSTANT } from './instant.ts';
import { NAME, unique } from './names.ts';

/** `[stores.policy]`: the requests of AWS KMS that a store takes. Parsed into a policy. */
export const policySchema = z
  .strictObject({
    // An operator who writes rules means to allow only what they allow.
    default: z.enum(['allow', 'deny']).default('deny'),
    rules: z
      .lazy(() => z.array(rule))
      .superRefine(unique('name', (row) => row.name))
      .default([]),
  })
  .transform(({ rules, default: byDefault }) => rulesPolicy(rules, byDefault));

const patterns = z.array(z.string().min(1).max(2048)).min(1).optional();
const TIME_OF_DAY = /^([01]\d|2[0-3]):([0-5]\d)$/;
const timeOfDay = z
  .string()
  .regex(TIME_OF_DAY, 'must be a time of day in UTC, such as 08:30')
  .transform((text) => {
    const [, hour, minute] = TIME_OF_DAY.exec(text) ?? [];
    return Number(hour) * 60 + Number(minute);
  });
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const rule = z
  .strictObject({
    name: NAME.refine((name) => name !== 'default', 'must not be default'),
    effect: z.enum(['allow', 'deny']),
    principals: patterns,
    accounts: z
      .array(z.string().regex(/^\d{12}$/, 'must be 12 digits'))
      .min(1)
      .optional(),
    operations: patterns,
    key_arns: patterns,
    external_key_ids: patterns,
    via_services: patterns,
    source_vpcs: patterns,
    source_vpces: patterns,
    hours: z
      .tuple([timeOfDay, timeOfDay])
      .refine(([from, until]) => from !== until, 'must not begin when they end: without them it is all day')
      .optional(),
    weekdays: z.array(z.enum(WEEKDAYS)).min(1).optional(),
    not_before: INSTANT.optional(),
    not_after: INSTANT.optional(),
  })
  .transform(({ name, effect, hours, weekdays, not_before, not_after, ...row }): PolicyRule => {
    const lists: Partial<Record<PatternSubject, readonly string[] | undefined>> = {
      awsPrincipalArn: row.principals,
      account: row.accounts,
      kmsOperation: row.operations,
      kmsKeyArn: row.key_arns,
      externalKeyId: row.external_key_ids,
      kmsViaService: row.via_services,
      awsSourceVpc: row.source_vpcs,
      awsSourceVpce: row.source_vpces,
    };
    return {
      name,
      effect,
      conditions: {
        patterns: Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== undefined)),
        hours: hours && { from: hours[0], to: hours[1] },
        weekdays: weekdays?.map((day) => WEEKDAYS.indexOf(day)),
        notBefore: not_before,
        notAfter: not_after,
      },
    };
  });
