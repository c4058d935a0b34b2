import type { Clock } from '../clock.ts';
import { KmsException } from '../kms-exception.ts';
import type { Table } from '../state/table.ts';

/** A friendly name for a key. */
export interface Alias {
  /** With its prefix: `alias/…`. */
  readonly name: string;
  readonly targetKeyId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The aliases of one Region. */
export interface Aliases {
  find(name: string): Alias | undefined;
  /** In the order of their names. */
  list(): readonly Alias[];
  /** Throws as `assertAliasName` does, AlreadyExistsException or LimitExceededException. */
  create(name: string, targetKeyId: string): void;
  /** Points an alias to another key. Throws NotFoundException or LimitExceededException. */
  retarget(name: string, targetKeyId: string): void;
  /** Throws NotFoundException. */
  delete(name: string): void;
}

/** The aliases of a table by their names. */
export function createAliases(byName: Table<Alias>, clock: Clock): Aliases {
  const existing = (name: string): Alias => {
    const alias = byName.get(name);
    if (!alias) throw new KmsException('NotFoundException', `There is no alias ${name}.`);
    return alias;
  };
  const refuseTooMany = (targetKeyId: string): void => {
    const count = [...byName.values()].filter((alias) => alias.targetKeyId === targetKeyId).length;
    if (count >= MAX_ALIASES_PER_KEY) {
      throw new KmsException('LimitExceededException', `A key has at most ${MAX_ALIASES_PER_KEY} aliases.`);
    }
  };

  return {
    find: (name) => byName.get(name),
    list: () => [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    create(name, targetKeyId) {
      assertAliasName(name);
      if (byName.get(name)) {
        throw new KmsException('AlreadyExistsException', `The alias ${name} already exists.`);
      }
      refuseTooMany(targetKeyId);
      const now = clock.now();
      byName.set(name, { name, targetKeyId, createdAt: now, updatedAt: now });
    },
    retarget(name, targetKeyId) {
      const alias = existing(name);
      if (alias.targetKeyId !== targetKeyId) refuseTooMany(targetKeyId);
      byName.set(name, { ...alias, targetKeyId, updatedAt: clock.now() });
    },
    delete(name) {
      byName.delete(existing(name).name);
    },
  };
}

/** Throws ValidationException for a malformed name, and InvalidAliasNameException for one that is reserved for AWS. */
export function assertAliasName(name: string): void {
  if (!name.startsWith('alias/') || name === 'alias/' || name.includes(':')) {
    throw new KmsException('ValidationException', 'AliasName: must be alias/ and a name without colons');
  }
  if (name.startsWith('alias/aws/')) {
    throw new KmsException(
      'InvalidAliasNameException',
      'Names that begin with alias/aws/ are reserved for AWS.',
    );
  }
}

/** A quota of AWS KMS. */
export const MAX_ALIASES_PER_KEY = 50;
