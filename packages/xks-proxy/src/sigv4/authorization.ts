/** The parts of an `Authorization: AWS4-HMAC-SHA256 …` header as sent, not verified yet. */
export interface Authorization {
  readonly accessKeyId: string;
  /** Scope date, `yyyymmdd`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  /** `date/region/service/terminator`, the string that is signed. */
  readonly scope: string;
  readonly signedHeaders: readonly string[];
  /** 32 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Parses the one accepted spelling of the header; returns `undefined` for anything else (another algorithm, a missing or
 * repeated part, an upper-case or short signature). Lengths are not checked here: an access key id of any length is
 * well-formed, and at most unknown.
 */
export function parseAuthorization(header: string): Authorization | undefined {
  const parts = AUTHORIZATION.exec(header)?.groups;
  if (parts === undefined) return undefined;
  const { accessKeyId = '', date = '', region = '', service = '', terminator = '' } = parts;
  return {
    accessKeyId,
    date,
    region,
    service,
    terminator,
    scope: `${date}/${region}/${service}/${terminator}`,
    signedHeaders: (parts['signedHeaders'] ?? '').split(';'),
    signature: Buffer.from(parts['signature'] ?? '', 'hex'),
  };
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(?<accessKeyId>[^\s,/=]+)\/(?<date>\d{8})\/(?<region>[^\s,/]+)\/(?<service>[^\s,/]+)\/(?<terminator>[^\s,/]+), ?SignedHeaders=(?<signedHeaders>[^\s,=]+), ?Signature=(?<signature>[0-9a-f]{64})$/;
