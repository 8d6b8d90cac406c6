/** Waiting for what no line of output tells. */

/** Resolves once `holds` gives true, asked ten times a second; rejects when it takes too long. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs / 1000} s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
