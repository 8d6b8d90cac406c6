/**
 * Locks that end with the process that holds them. Neither runtime offers the system's own on all
 * systems, but both bring SQLite, whose exclusive transaction on an empty database is one, and
 * Deno and Bun see each other's.
 */
import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { FileError } from "../../util/errors.ts";
import type { FileLock } from "../types.ts";

/** Kept here, since a connection that nobody refers to is closed by the garbage collector. */
const held = new Set<DatabaseSync>();

export function lock(path: string): FileLock | null {
  let database: DatabaseSync | null = null;
  try {
    // Loaded when it is needed: most commands take no lock.
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
