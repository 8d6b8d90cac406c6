/**
 * A whole number of a request, digit for digit: clients in Go send numbers of 63 bits as tags, which a
 * number of JavaScript rounds. `value` is what JSON.parse made of it.
 */
export function numberText(json: string, key: string, value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  for (const [, digits] of json.matchAll(new RegExp(`"${key}"\\s*:\\s*(-?\\d+)\\s*[,}]`, "g"))) {
    if (Number(digits) === value) return digits!;
  }
  return String(value);
}
