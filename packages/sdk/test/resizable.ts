/** Memory that can be made shorter, which a view of a fixed length does not survive. */
export function resizable(length: number): { readonly buffer: ArrayBuffer; readonly empty: () => void } {
  const buffer: unknown = Reflect.construct(ArrayBuffer, [length, { maxByteLength: length }]);
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('expected a buffer');
  const resize: unknown = Reflect.get(buffer, 'resize');
  if (typeof resize !== 'function') throw new TypeError('expected a buffer that can be resized');
  return { buffer, empty: () => void Reflect.apply(resize, buffer, [0]) };
}
