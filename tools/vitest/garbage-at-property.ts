/**
 * Collects garbage whenever a property of this name is set on a plain object, which node:crypto does in the middle of what it
 * reads from a key. Returns a function that counts the collections. For a program of its own, with `--expose-gc`.
 */
export function collectGarbageAt(property: string): () => number {
  let collections = 0;
  Reflect.defineProperty(Object.prototype, property, {
    configurable: true,
    set(this: object, value: unknown) {
      Object.defineProperty(this, property, { value, configurable: true, enumerable: true, writable: true });
      globalThis.gc?.();
      collections += 1;
    },
  });
  return () => collections;
}
