/** The folders that users of the API may name. */
import type { Files } from "../platform/types.ts";

/** Whether an absolute path is one of `roots` or below one, also after links were followed. */
export function isBelow(
  files: Pick<Files, "absolute" | "realPath">,
  roots: readonly string[],
  path: string,
): boolean {
  const real = realPath(files, files.absolute(path));
  return roots.some((root) => {
    const folder = realPath(files, files.absolute(root));
    return real === folder || real.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
  });
}

/** Links are followed as far as the path exists. */
function realPath(files: Pick<Files, "realPath">, path: string): string {
  const real = files.realPath(path);
  if (real !== null) return real.replaceAll("\\", "/");
  const plain = path.replaceAll("\\", "/"), end = plain.lastIndexOf("/");
  if (end < 0) return plain;
  const parent = end === 0 ? "/" : realPath(files, plain.slice(0, end));
  return plain === "/" ? plain : `${parent === "/" ? "" : parent}${plain.slice(end)}`;
}
