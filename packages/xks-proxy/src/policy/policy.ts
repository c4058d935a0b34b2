import type { RequestMetadata } from '../wire.ts';

/** Who may do what in a store. */
export interface Policy {
  /** Never rejects a request by an error of its own: what cannot be decided is denied. */
  decide(request: PolicyRequest): Decision;
}

/** What a decision is made on: what KMS tells of its caller, and when. */
export interface PolicyRequest {
  readonly metadata: RequestMetadata;
  readonly externalKeyId: string;
  readonly now: Date;
}

/** A decision, and the rule that made it. */
interface Decision {
  readonly isAllowed: boolean;
  /** The name of the rule, or `default`. */
  readonly rule: string;
}

/** The policy of a store without one: whoever has its credential is AWS KMS, which has decided already. */
export const ALLOW_ALL: Policy = { decide: () => ({ isAllowed: true, rule: 'default' }) };
