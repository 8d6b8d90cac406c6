/** Serves single files on 127.0.0.1, to run a bundle from a URL as a user would. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";

export interface FileServer {
  /** The URL of the file. */
  readonly url: string;
  /** The number of requests for the file. */
  requests(): number;
  close(): Promise<void>;
}

export async function serveFile(path: string): Promise<FileServer> {
  const body = readFileSync(path);
  const name = `/${basename(path)}`;
  let requests = 0;
  const server = createServer((request, response) => {
    const found = request.url === name;
    if (found) requests++;
    response.writeHead(found ? 200 : 404, { "content-type": "text/javascript" });
    response.end(found ? body : "");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${name}`,
    requests: () => requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
