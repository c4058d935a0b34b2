/** Values of one kind by their ids, in the order in which the ids came. */
export interface Table<Value> {
  get(id: string): Value | undefined;
  values(): Iterable<Value>;
  keys(): Iterable<string>;
  readonly size: number;
  set(id: string, value: Value): void;
  delete(id: string): void;
}

/** A table with these values, which tells of every id whose value has changed or is gone. */
export function createTable<Value>(
  entries: Iterable<readonly [string, Value]> = [],
  changed: (id: string) => void = () => undefined,
): Table<Value> {
  const byId = new Map(entries);
  return {
    get: (id) => byId.get(id),
    values: () => byId.values(),
    keys: () => byId.keys(),
    get size() {
      return byId.size;
    },
    set(id, value) {
      byId.set(id, value);
      changed(id);
    },
    delete(id) {
      if (byId.delete(id)) changed(id);
    },
  };
}
