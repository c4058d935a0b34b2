/** The bytes of a member of an answer: clients hand on whatever else stands there, though their types say otherwise. */
export function answerBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
