/** The member `name` of a JSON object, `undefined` where there is none, or no object. */
export function member(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return Object.getOwnPropertyDescriptor(json, name)?.value;
}
