/**
 * Locks that end with the process that holds them. Neither runtime offers system locks on all
 * systems, but both include SQLite, whose exclusive transaction on an empty database is one, and
 * Deno and Bun see each other's.
 */
import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { FileError } from "../../util/errors.ts";
import type { FileLock } from "../types.ts";

/** Referenced here, since an unreferenced connection is closed by the garbage collector. */
const held = new Set<DatabaseSync>();

export function lock(path: string): FileLock | null {
  let database: DatabaseSync | null = null;
  try {
    // Loaded on demand: most commands take no lock.
    const sqlite = process.getBuiltinModule("node:sqlite");
    database = new sqlite.DatabaseSync(path);
    database.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    const { message } = cause as Error;
    if (/\blocked\b/.test(message)) return null;
    throw new FileError("io", path, `Cannot lock ${path}: ${message}`, { cause });
  }
  const own = database;
  held.add(own);
  return {
    release() {
      if (held.delete(own)) own.close();
    },
  };
}
