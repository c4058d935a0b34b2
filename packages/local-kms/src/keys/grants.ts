import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import { KmsException } from '../kms-exception.ts';
import type { Table } from '../state/table.ts';

/** A permission to use one key, as CreateGrant took it. */
export interface Grant {
  /** 64 lower-case hex digits. */
  readonly id: string;
  readonly keyId: string;
  readonly createdAt: Date;
  readonly name: string | undefined;
  readonly granteePrincipal: string;
  readonly retiringPrincipal: string | undefined;
  readonly operations: readonly string[];
  readonly constraints: GrantConstraints | undefined;
}

/** What the encryption context of a request must be for a grant to count. Names of pairs are case-insensitive. */
export interface GrantConstraints {
  readonly EncryptionContextSubset?: Readonly<Record<string, string>> | undefined;
  readonly EncryptionContextEquals?: Readonly<Record<string, string>> | undefined;
  readonly SourceArn?: string | undefined;
}

/** The grants of one Region. */
export interface Grants {
  /** In the order of their ids. */
  list(): readonly Grant[];
  /** The grants of a key, in the order in which they were made. */
  ofKey(keyId: string): readonly Grant[];
  /**
   * A new grant, or the one that has the name and is the same in everything else. Throws LimitExceededException
   * if the key has too many.
   */
  create(grant: Omit<Grant, 'id' | 'createdAt'>): Grant;
  /** A token for a grant. Every one is another, and all of one grant mean the same. */
  tokenOf(grant: Grant): string;
  /** Throws InvalidGrantTokenException. */
  withToken(token: string): Grant;
  /** Throws InvalidGrantIdException if the key has no such grant. */
  withId(id: string, keyId: string): Grant;
  delete(id: string): void;
  /** Deletes the grants of a key. */
  deleteOf(keyId: string): void;
}

/** The grants of a table by their ids. */
export function createGrants(byId: Table<Grant>, { clock, ids }: { clock: Clock; ids: Ids }): Grants {
  const ofKey = (id: string): readonly Grant[] => [...byId.values()].filter(({ keyId }) => keyId === id);
  const found = (
    grant: Grant | undefined,
    code: 'InvalidGrantIdException' | 'InvalidGrantTokenException',
  ): Grant => {
    if (grant) return grant;
    throw new KmsException(code, 'There is no such grant.');
  };

  return {
    list: () => [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    ofKey,
    create(grant) {
      const others = ofKey(grant.keyId);
      const twin = grant.name !== undefined && others.find((other) => isSame(other, grant));
      if (twin) return twin;
      if (others.length >= MAX_GRANTS_PER_KEY) {
        throw new KmsException('LimitExceededException', `A key has at most ${MAX_GRANTS_PER_KEY} grants.`);
      }
      const created = { ...grant, id: ids.hex('grant', 64), createdAt: clock.now() };
      byId.set(created.id, created);
      return created;
    },
    tokenOf: ({ id }) => Buffer.from(`${id}${ids.hex('grant-token', 64)}`, 'hex').toString('base64'),
    withToken(token) {
      const id = Buffer.from(token, 'base64').toString('hex').slice(0, 64);
      return found(byId.get(id), 'InvalidGrantTokenException');
    },
    withId(id, keyId) {
      const grant = byId.get(id);
      return found(grant?.keyId === keyId ? grant : undefined, 'InvalidGrantIdException');
    },
    delete: (id) => byId.delete(id),
    deleteOf(keyId) {
      for (const { id } of ofKey(keyId)) byId.delete(id);
    },
  };
}

function isSame({ id: _id, createdAt: _createdAt, ...grant }: Grant, other: Omit<Grant, 'id' | 'createdAt'>) {
  return isDeepStrictEqual(grant, other);
}

const MAX_GRANTS_PER_KEY = 50_000;
