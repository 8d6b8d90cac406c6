import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { describe, it } from "node:test";
import { realHttp } from "./real_http.ts";
import { WireReader } from "../../src/platform/shared/http_wire.ts";
import { fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import type { NetErrorCode } from "../../src/util/errors.ts";

function whole(url: string): Promise<{ body: Uint8Array }> {
  return realHttp().request({ url, timeoutMs: 5000, maxBytes: 10_000 });
}

/** Reads a stream to its end. */
async function streamed(url: string): Promise<void> {
  const stream = await realHttp().stream({ url, timeoutMs: 5000 });
  while (await stream.read() !== null);
}

/** Bytes that the server had sent when the request was over. */
async function failing(
  answer: (socket: Socket) => void,
  expected: readonly NetErrorCode[],
  ask: (url: string) => Promise<unknown> = whole,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}/`;
  try {
    await ask(url);
    assert.fail("it must not succeed");
  } catch (error) {
    const { code } = error as { code: NetErrorCode };
    assert.ok(expected.includes(code), `${code}: ${error}`);
  } finally {
    server.close();
  }
  let sent = 0;
  for (const socket of sockets) {
    sent += socket.bytesWritten;
    socket.destroy();
  }
  return sent;
}

/** Writes `part` again and again for as long as somebody takes it. */
function endless(socket: Socket, part: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(part));
    if (!socket.destroyed) socket.once("drain", more);
  };
  more();
}

describe("http.request against hostile answers", () => {
  it("headers without end are cut off early", async () => {
    const sent = await failing((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      endless(socket, `X-More: ${"x".repeat(1000)}\r\n`);
    }, ["bad-response"]);
    assert.ok(sent < 50_000_000);
  });

  it("nothing behind the last chunk is waited for", async () => {
    for (const behind of ["", "X-More: 1\r\n", "X-More: 1\r\n\r\n"]) {
      const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.write(`${head}004\r\nbody\r\n0\r\n${behind}`));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { port: number };
      const { body } = await whole(`http://127.0.0.1:${port}/`);
      assert.equal(new TextDecoder().decode(body), "body");
      server.close();
    }
  });

  for (const status of ["100 Continue", "103 Early Hints"]) {
    it(`answers of ${status} without end are cut off early`, async () => {
      const sent = await failing(
        (socket) => endless(socket, `HTTP/1.1 ${status}\r\n\r\n`.repeat(100)),
        ["bad-response"],
      );
      assert.ok(sent < 50_000_000, `${sent}`);
    });
  }

  it("chunks that are nearly all head are cut off early", async () => {
    await failing((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      endless(socket, `1;${"x".repeat(2000)}\r\nx\r\n`);
    }, ["too-large", "bad-response"]);
  });

  it("a packing with a name that every object knows is refused", async () => {
    for (const name of ["constructor", "__proto__", "toString"]) {
      await failing((socket) => {
        socket.end(`HTTP/1.1 200 OK\r\ncontent-encoding: ${name}\r\ncontent-length: 2\r\n\r\nab`);
      }, ["bad-response"]);
    }
  });

  it("answers that are not HTTP are refused", async () => {
    await failing((socket) => socket.end("220 mail.example ESMTP ready\r\n"), ["bad-response"]);
  });

  it("a body shorter than announced is not taken for whole", async () => {
    await failing((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nonly this");
    }, ["reset"]);
  });

  it("a chunked body without its last chunk is not taken for whole", async () => {
    await failing((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    }, ["reset"]);
  });

  it("an announced length over the limit fails before the body arrives", async () => {
    const sent = await failing((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n");
    }, ["too-large"]);
    assert.ok(sent < 100);
  });

  it("a connection that closes without an answer fails", async () => {
    await failing((socket) => socket.end(), ["reset"]);
    await failing((socket) => socket.destroy(), ["reset"]);
  });
});

describe("http.stream against hostile answers", () => {
  it("chunks that are nearly all head are cut off", async () => {
    await failing(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        endless(socket, `1;${"x".repeat(2000)}\r\nx\r\n`);
      },
      ["bad-response"],
      streamed,
    );
  });

  it("chunks of one byte without end are cut off early", async () => {
    const sent = await failing(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        endless(socket, "1\r\nd\r\n".repeat(10_000));
      },
      ["bad-response"],
      streamed,
    );
    assert.ok(sent < 50_000_000, `${sent}`);
  });

  it("headers and interim answers without end are cut off", async () => {
    await failing(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\n");
        endless(socket, `X-More: ${"x".repeat(1000)}\r\n`);
      },
      ["bad-response"],
      streamed,
    );
    const interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    await failing((socket) => endless(socket, interim), ["bad-response"], streamed);
  });

  it("a body that breaks off is not taken for whole", async () => {
    await failing(
      (socket) => {
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nonly this");
      },
      ["reset"],
      streamed,
    );
    await failing(
      (socket) => {
        socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      },
      ["reset"],
      streamed,
    );
    await failing(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nonly this", () => {
          socket.destroy();
        });
      },
      ["reset"],
      streamed,
    );
  });
});

describe("A body that ends with the connection", () => {
  const read = async (parts: string[], lenient: boolean, code = "ECONNRESET") => {
    const reset = Object.assign(new Error("reset"), { code });
    const line = {
      read: () =>
        parts.length > 0 ? Promise.resolve(fromLatin1(parts.shift()!)) : Promise.reject(reset),
    };
    let text = "";
    for await (const part of new WireReader(line, "Cannot get it").body("close", lenient)) {
      text += toLatin1(part);
    }
    return text;
  };

  it("is taken when a reset follows it only if read leniently, and nothing in its place never", async () => {
    assert.equal(await read(["d8:inter", "vali60ee"], true), "d8:intervali60ee");
    assert.equal(await read(["d8:inter", "vali60ee"], true, "reset"), "d8:intervali60ee");
    await assert.rejects(read(["d8:inter", "vali60ee"], false), { code: "ECONNRESET" });
    await assert.rejects(read([], true), { code: "ECONNRESET" });
  });
});
