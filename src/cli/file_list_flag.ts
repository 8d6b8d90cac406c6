/** A flag that names files of a torrent; given again it names more. */
import type { Flag } from "./args.ts";
import { eitherSpec, type FileSpec, fileSpec } from "./file_spec.ts";

export function fileList(help: string): Flag<FileSpec | null> {
  return {
    placeholder: "LIST",
    help,
    initial: null,
    accept: (text, before) => eitherSpec(before, fileSpec(text)),
  };
}
