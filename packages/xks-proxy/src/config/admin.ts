import { z } from 'zod';

/** Where the listener for operators is. */
export interface AdminConfig {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** `[admin]`: a listener for load balancers and Prometheus; without the section there is none. */
export const adminSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(9464),
});
