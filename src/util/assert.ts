/** A broken invariant: a bug of ours, never the fault of untrusted bytes. */
export class InvariantError extends Error {
  override name = "InvariantError";
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(`Broken invariant: ${what}`);
}
