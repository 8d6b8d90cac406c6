/** Names of temporary files for whole-file writes: no two processes share one. */

/** `own`: hexadecimal, of this process alone; `count`: of its files so far. */
export function temporaryName(own: string, count: number): string {
  return `.shoal-${own}-${count}.tmp`;
}

export function isTemporaryName(name: string): boolean {
  return /^\.shoal-[0-9a-f]+-\d+\.tmp$/.test(name);
}
