export async function swarmBench(_args: string[]): Promise<number> {
  return 0;
}
