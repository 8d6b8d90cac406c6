/** Names without node:fs, which holds the loop for 100 ms to convert those of 30,000 files at once. */
import type { ListNames } from "../shared/files.ts";
import { Deno } from "./deno_global.ts";

export const denoNames: ListNames = async (path) => {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  return names;
};
