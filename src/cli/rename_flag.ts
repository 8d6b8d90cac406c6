/** `--rename INDEX=NAME`: another name for a file, by its number as `shoal show` counts. */
import { problemWithNames } from "../client/file_places.ts";
import type { AddOptions } from "../client/types.ts";
import type { Process } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { type Flag, repeated } from "./args.ts";
import { UsageError } from "./errors.ts";

export interface RenameWish {
  /** From 1; pads are not counted. */
  readonly number: number;
  /** A name, or a path with "/". */
  readonly name: string;
}

export const RENAME_FLAG: { rename: Flag<readonly RenameWish[]> } = {
  rename: repeated(
    "INDEX=NAME",
    "Save a file under another name, or path in the torrent's folder: 3=film.mkv (numbers of shoal show)",
    renameWish,
  ),
};

/** Throws a UsageError. */
export function renameWish(text: string): RenameWish {
  const parts = /^(\d{1,7})=(.+)$/su.exec(text);
  if (parts === null) {
    throw new UsageError(`"${text}" is not of the form INDEX=NAME, as 3=film.mkv`);
  }
  return { number: Number(parts[1]), name: parts[2]! };
}

/** Undefined when nothing was asked for. The function throws a UsageError for what cannot be. */
export function renameBy(
  wishes: readonly RenameWish[],
  { os }: Pick<Process, "os">,
): NonNullable<AddOptions["rename"]> | undefined {
  if (wishes.length === 0) return undefined;
  return (meta) => {
    const indices = meta.files.flatMap(({ pad }, file) => pad ? [] : [file]);
    const chosen = new Map<number, string>();
    for (const { number, name } of wishes) {
      const file = indices[number - 1];
      if (file === undefined) {
        throw new UsageError(
          `--rename: there is no file ${number}; the torrent has ${indices.length}`,
        );
      }
      chosen.set(file, pathOf(meta, file, name));
    }
    const problem = problemWithNames(meta, chosen, os === "windows");
    if (problem !== null) throw new UsageError(`--rename: ${problem}`);
    return chosen;
  };
}

function pathOf({ name: top, files, singleFile }: Metainfo, file: number, name: string): string {
  if (name.includes("/")) return singleFile ? name : `${top}/${name}`;
  return [...files[file]!.path.slice(0, -1), name].join("/");
}
