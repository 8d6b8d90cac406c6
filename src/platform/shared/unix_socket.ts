/** Listening on a path, for this user alone. */
import { chmodSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { join } from "node:path";
import { netError, systemError } from "./errno.ts";

/**
 * The socket is made in a folder of its own and moved to `path` once only its owner may connect. One
 * that a dead process left is replaced. Returns what removes it. Throws a NetError.
 */
export async function listenOnPath(server: Server, path: string): Promise<() => void> {
  let folder: string | null = null;
  try {
    if (await answers(path)) throw systemError("EADDRINUSE");
    folder = mkdtempSync(`${path}.`);
    const own = join(folder, "s");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(own, resolve);
    });
    chmodSync(own, 0o600);
    renameSync(own, path);
  } catch (error) {
    server.close();
    throw netError(`Cannot serve on ${path}`, error);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
  return () => rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
