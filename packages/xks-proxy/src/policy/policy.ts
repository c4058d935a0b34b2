import type { RequestMetadata } from '../wire.ts';

/** Decides who may do what in a store. */
export interface Policy {
  /** Decides on a request. Never throws: a request that cannot be decided on is denied. */
  decide(request: PolicyRequest): Decision;
}

/** The facts of a decision: what KMS says about its caller, the key and the time. */
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

/** The policy of a store without one: only AWS KMS has the credential, and it has decided already. */
export const ALLOW_ALL: Policy = { decide: () => ({ isAllowed: true, rule: 'default' }) };
