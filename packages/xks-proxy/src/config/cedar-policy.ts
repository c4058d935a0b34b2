import { z } from 'zod';
import { cedarPolicy } from '../policy/cedar.ts';
import type { Files } from './files.ts';

/** `cedar_policy_file` of a store: policies in the Cedar language. */
export function cedarPolicyFile(files: Files) {
  return files.text('Cedar policy').transform((text, context) => {
    const result = cedarPolicy(text);
    if ('policy' in result) return result.policy;
    for (const message of result.problems) context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}
