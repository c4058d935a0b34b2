import { z } from 'zod';
import { LocalKmsError } from '../local-kms-error.ts';
import { type WrappedKey, wrappedKey, wrappedKeyText } from '../protection/protection.ts';

/** What a store says of itself. */
export interface Header {
  /** The account that owns every key. */
  readonly accountId: string;
  readonly wrappedKey: WrappedKey;
}

/** The header as one line of text. */
export function headerText({ accountId, wrappedKey }: Header): string {
  return JSON.stringify({ format: FORMAT, accountId, wrappedKey: wrappedKeyText(wrappedKey) });
}

/** Undoes `headerText`. Throws LocalKmsError `STATE_OF_OTHER_VERSION` or `STATE_CORRUPT`. */
export function parseHeader(text: string): Header {
  const value = parsedJson(text);
  const { format } = formatSchema.safeParse(value).data ?? {};
  if (format !== undefined && format !== FORMAT) {
    throw new LocalKmsError('STATE_OF_OTHER_VERSION', `the state is in the format ${format}, not ${FORMAT}`);
  }
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new LocalKmsError('STATE_CORRUPT', 'the header is not one that was kept', { cause: parsed.error });
}

/** What the wrapping of the sealing key is bound to. */
export function wrappingBinding(accountId: string): Uint8Array {
  return Buffer.from(JSON.stringify([FORMAT, accountId]), 'utf8');
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The format of the header, and of everything that is stored of records. */
const FORMAT = 'holdfast-local-kms/1';
const formatSchema = z.looseObject({ format: z.string().regex(/^[a-z-]+\/\d+$/) });
const headerSchema = z
  .strictObject({ format: z.literal(FORMAT), accountId: z.string().regex(/^\d{12}$/), wrappedKey })
  .transform(({ format: _format, ...header }) => header);
