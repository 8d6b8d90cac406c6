/** Records the byte arrays that a piece of code allocates. */

/** The lengths of all byte arrays that `work` allocates by `new Uint8Array(length)`. */
export function arraysMadeBy(work: () => void): number[] {
  const lengths: number[] = [];
  const real = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(real, {
    construct(target, args, self) {
      if (typeof args[0] === "number") lengths.push(args[0]);
      return Reflect.construct(target, args, self);
    },
  });
  try {
    work();
  } finally {
    globalThis.Uint8Array = real;
  }
  return lengths;
}
