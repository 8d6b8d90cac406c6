/** What clients send for a switch, a number or a list. Undefined stands for anything else. */

export type Arguments = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): Arguments | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? value as Arguments : undefined;
}

export function asSwitch(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (value === 1 || value === "true") return true;
  return value === 0 || value === "false" ? false : undefined;
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** A fraction is cut off: some clients compute limits. */
export function asWhole(value: unknown): number | undefined {
  const number = asNumber(value);
  return number === undefined ? undefined : Math.trunc(number);
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function asTexts(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((each) => typeof each === "string");
}

export function asWholes(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map(asWhole).filter((each) => each !== undefined);
}

/** Also a drive of Windows. */
export function isAbsolute(path: string): boolean {
  return path.startsWith("/") || /^[a-z]:[\\/]/i.test(path);
}
