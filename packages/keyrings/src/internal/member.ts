/** Returns the member `name` of a JSON object; `undefined` if there is no such member, or no object. */
export function member(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return Object.getOwnPropertyDescriptor(json, name)?.value;
}
