/**
 * Writes off the loop's thread. Deno's node:fs makes every write on that thread, its asynchronous
 * ones too; only its own files hand them to others. They have a position instead of taking one.
 */
import * as fs from "node:fs";
import { FileError } from "../../util/errors.ts";
import { type AsyncWriter, called } from "../shared/file_handle.ts";

/**
 * Deno opens by name, and follows links. On Linux an open file has a name of its own; elsewhere, and
 * where Deno may not use that, what was opened has to be the file that `fd` is.
 */
export async function openDenoWriter(path: string, fd: number): Promise<AsyncWriter> {
  const file = await Deno.open(`/proc/self/fd/${fd}`, { write: true }).catch(() => null) ??
    await openNamed(path, fd);
  return {
    async write(bytes, position) {
      await file.seek(position, Deno.SeekMode.Start);
      return await file.write(bytes);
    },
    close: () => file.close(),
  };
}

async function openNamed(path: string, fd: number): Promise<Deno.FsFile> {
  const file = await Deno.open(path, { write: true });
  const [named, ours] = await Promise.all([
    file.stat(),
    called<fs.Stats>((done) => fs.fstat(fd, done)),
  ]);
  if (named.ino === ours.ino && named.dev === ours.dev) return file;
  file.close();
  throw renamed(path);
}

function renamed(path: string): FileError {
  return new FileError(
    "changed",
    path,
    `${path} was replaced by another file while it was being written. ` +
      "Start again to check it and download what is missing",
  );
}
