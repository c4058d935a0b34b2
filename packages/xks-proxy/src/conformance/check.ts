import type { XksClient } from './client.ts';

/** One requirement of the XKS proxy API, as a check for any proxy. */
export interface Check {
  /** A fact about a conforming proxy. */
  readonly name: string;
  /** The section of the specification that demands it. */
  readonly section: Section;
  readonly level: 'MUST' | 'SHOULD';
  /** Resolves if the proxy conforms; rejects with its behaviour otherwise. */
  readonly run: (client: XksClient) => Promise<void>;
}

/** Sections of `xks_proxy_api_spec.md`, version 1.0.3. */
export type Section =
  | 'API content type'
  | 'API operations'
  | 'Authentication'
  | 'GetKeyMetadata'
  | 'Encrypt'
  | 'Decrypt'
  | 'GetHealthStatus'
  | 'Error codes'
  | 'Appendix A'
  | 'Appendix B'
  | 'Appendix C';

/** Makes checks of one section and level from a table by their names. */
export function checks(
  section: Section,
  table: Readonly<Record<string, Check['run']>>,
  level: Check['level'] = 'MUST',
): readonly Check[] {
  return Object.entries(table).map(([name, run]) => ({ name, section, level, run }));
}
