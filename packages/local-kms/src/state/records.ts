import { LocalKmsError } from '../local-kms-error.ts';
import { createTable, type Table } from './table.ts';
import { wipe } from './wipe.ts';

/** One kind of record: what of a value is stored, and the way back. */
export interface RecordKind<Value> {
  /** Without a slash. */
  readonly name: string;
  /** The value in numbers, strings, arrays, objects and byte arrays. Byte arrays are copies: they are wiped after use. */
  readonly toStored: (value: Value) => unknown;
  /** Throws for anything that `toStored` does not make. */
  readonly fromStored: (stored: unknown) => Value;
}

/** A record: its name, and what is stored of it; undefined if it is gone. */
export interface NamedRecord {
  /** `kind/region/id`. */
  readonly name: string;
  readonly stored: unknown;
}

/** Everything that outlives a process, if it is stored: tables by kind and Region, and what has changed in them. */
export interface Records {
  /** Returns the table of a kind in a Region. To be called once for each. Throws LocalKmsError `STATE_CORRUPT`. */
  table<Value>(kind: RecordKind<Value>, region: string): Table<Value>;
  /** The Regions of records whose tables were not asked for yet. */
  regions(): readonly string[];
  /** Throws LocalKmsError `STATE_CORRUPT` if there are such records. */
  assertAllClaimed(): void;
  /** Whether a record has changed since `takeChanges`. */
  hasChanges(): boolean;
  /** The records that have changed since the last time, as they are now. */
  takeChanges(): readonly NamedRecord[];
  /** The names of all records. */
  names(): readonly string[];
}

/** Stands for a Region in the name of what all Regions share. */
export const ALL_REGIONS = 'all';

/** The records to begin with, and whether `takeChanges` is going to be called. */
interface RecordsOptions {
  readonly initial?: readonly NamedRecord[];
  readonly isKept?: boolean;
}

/** No records yet, or the initial ones. Throws LocalKmsError `STATE_CORRUPT` for one without a proper name. */
export function createRecords({ initial = [], isKept = false }: RecordsOptions = {}): Records {
  const unclaimed = new Map<string, NamedRecord[]>();
  for (const record of initial) {
    const { prefix } = partsOf(record.name);
    const ofTable = unclaimed.get(prefix);
    if (ofTable) ofTable.push(record);
    else unclaimed.set(prefix, [record]);
  }
  const tables = new Map<string, TableInUse>();
  const changed = new Map<string, () => NamedRecord>();

  return {
    table(kind, region) {
      const prefix = `${kind.name}/${region}`;
      const entries = (unclaimed.get(prefix) ?? []).map(
        ({ name, stored }) => [partsOf(name).id, valueOf(kind, name, stored)] as const,
      );
      unclaimed.delete(prefix);
      const table = createTable(entries, (id) => {
        if (!isKept) return;
        const name = `${prefix}/${id}`;
        changed.set(name, () => {
          const value = table.get(id);
          return { name, stored: value === undefined ? undefined : kind.toStored(value) };
        });
      });
      tables.set(prefix, table);
      return table;
    },
    regions() {
      const all = [...unclaimed.keys()].map((prefix) => prefix.slice(prefix.indexOf('/') + 1));
      return [...new Set(all)].filter((region) => region !== ALL_REGIONS);
    },
    assertAllClaimed() {
      const [prefix] = unclaimed.keys();
      if (prefix !== undefined) throw corrupt(`nothing is known of records ${prefix}`);
    },
    hasChanges: () => changed.size > 0,
    takeChanges() {
      const records = [...changed.values()].map((record) => record());
      changed.clear();
      return records;
    },
    names: () => [...tables].flatMap(([prefix, table]) => [...table.keys()].map((id) => `${prefix}/${id}`)),
  };
}

type TableInUse = Pick<Table<unknown>, 'keys'>;

/** An id may have slashes, as aliases do; kind and Region have none. */
function partsOf(name: string): { readonly prefix: string; readonly id: string } {
  const [, prefix, id] = /^([^/]+\/[^/]+)\/(.+)$/s.exec(name) ?? [];
  if (prefix === undefined || id === undefined) throw corrupt('a record has no proper name');
  return { prefix, id };
}

function valueOf<Value>(kind: RecordKind<Value>, name: string, stored: unknown): Value {
  try {
    return kind.fromStored(stored);
  } catch (cause) {
    throw corrupt(`the record ${name} is not one of its kind`, cause);
  } finally {
    wipe(stored);
  }
}

function corrupt(message: string, cause?: unknown): LocalKmsError {
  return new LocalKmsError('STATE_CORRUPT', message, { cause });
}
