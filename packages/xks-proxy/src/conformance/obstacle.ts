import { type Answer, type XksClient, xksClient } from './client.ts';
import { Throttled } from './patience.ts';
import { oneLine } from './run.ts';
import { UNOPENABLE } from './sealed.ts';
import type { Target } from './target.ts';

/** Why nothing can be examined: reported once, and not for every requirement. */
export interface Obstacle {
  readonly text: string;
  /** Whether the target has to be corrected, as an answer of the proxy shows; otherwise the proxy serves no request. */
  readonly isOfTarget: boolean;
}

/**
 * The obstacle to examining a proxy, if any: no connection, no answer that does not throttle, a target that it does not
 * know, or a policy that denies.
 */
export async function obstacleTo(target: Target): Promise<Obstacle | undefined> {
  const client = xksClient(target);
  try {
    const text = (await ignorance(client)) ?? (await denial(client));
    return text === undefined ? undefined : { text, isOfTarget: true };
  } catch (error) {
    const why = oneLine(error);
    const text = error instanceof Throttled ? why : `the endpoint cannot be reached: ${why}`;
    return { text, isOfTarget: false };
  } finally {
    client.close();
  }
}

async function ignorance({ target: { keys }, getKeyMetadata }: XksClient): Promise<string | undefined> {
  const answer = await getKeyMetadata(keys.enabled);
  if (UNKNOWN_TO_THE_PROXY.has(answer.status)) {
    return told('the proxy does not know this region, path prefix, credential or key', answer);
  }
  for (const id of [keys.disabled, keys.encryptOnly, keys.decryptOnly]) {
    const other = id === undefined ? undefined : await getKeyMetadata(id);
    if (other?.status === 404) return told(`the proxy does not know the key ${id}`, other);
    if (other?.status === 403) return told(`a policy of the proxy denies the key ${id}`, other);
  }
  return undefined;
}

async function denial({ target: { keys }, ...client }: XksClient): Promise<string | undefined> {
  const answers = {
    CreateKey: await client.getKeyMetadata(keys.enabled),
    Encrypt: await client.encrypt(keys.enabled),
    Decrypt: await client.decrypt(keys.enabled, UNOPENABLE),
  };
  for (const [operation, answer] of Object.entries(answers)) {
    if (answer.status === 403) {
      return told(`a policy of the proxy denies ${operation} to this principal, or on this KMS key`, answer);
    }
  }
  return undefined;
}

function told(what: string, { status, text }: Answer): string {
  return `${what}: it is answered ${oneLine(`${status} ${text}`)}`;
}

/** Statuses that are about the request. Any other status is a fault of the proxy, which the suite examines. */
const UNKNOWN_TO_THE_PROXY: ReadonlySet<number> = new Set([400, 401, 404]);
