import assert from "node:assert/strict";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import type { HttpRequest, HttpResponse } from "../../../src/platform/types.ts";
import { concatBytes } from "../../../src/util/bytes.ts";
import {
  type AddCase,
  bytesOf,
  Collector,
  pattern,
  rejectsWith,
  sleep,
  text,
  type UnderTest,
} from "./subject.ts";

type Handler = Parameters<UnderTest["there"]["http"]["serve"]>[1];

/** Serves `handler` while `body` runs; `get` asks for a path of it. */
async function serving(
  t: UnderTest,
  handler: Handler,
  body: (
    get: (path: string, changes?: Partial<HttpRequest>) => Promise<HttpResponse>,
    port: number,
  ) => Promise<void>,
): Promise<void> {
  const server = await t.there.http.serve({ port: 0, address: t.serveOn }, handler);
  try {
    await body((path, changes) => {
      const url = `http://${t.address}:${server.port}${path}`;
      return t.here.http.request({ url, timeoutMs: 5000, maxBytes: 1_000_000, ...changes });
    }, server.port);
  } finally {
    await server.close();
  }
}

function packed(bytes: Uint8Array, encoding: string): Response {
  return new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: { "content-encoding": encoding },
  });
}

export function httpRequestCases(add: AddCase): void {
  add("http.gzip packs a body that request unpacks", async (t) => {
    const body = new Uint8Array(300_000).fill(7);
    await serving(t, async () => packed(await t.there.http.gzip(body), "gzip"), async (get) => {
      const answer = await get("/");
      assert.deepEqual(answer.body, body);
    });
    const small = await t.here.http.gzip(body);
    assert.ok(small.length < body.length / 50);
    assert.deepEqual([...small.subarray(0, 2)], [0x1f, 0x8b]);
  });

  add("http.request and serve carry path, headers, status and body", async (t) => {
    const seen: string[] = [];
    await serving(t, (request, remote) => {
      const url = new URL(request.url);
      seen.push(`${request.method} ${url.pathname}${url.search}`);
      seen.push(request.headers.get("user-agent") ?? "");
      assert.equal(remote.address, t.ownAddress);
      assert.ok(remote.port > 0);
      const headers = { "X-Thing": "Yes", "content-type": "text/plain" };
      return new Response(pattern(100_000, 4) as Uint8Array<ArrayBuffer>, { status: 203, headers });
    }, async (get) => {
      const answer = await get("/a%00%FFb?x=%20&y=1", { headers: { "user-agent": "shoal/1" } });
      assert.equal(answer.status, 203);
      assert.equal(answer.headers["x-thing"], "Yes");
      assert.deepEqual(answer.body, pattern(100_000, 4));
      assert.equal(Object.getPrototypeOf(answer.body), Uint8Array.prototype);
    });
    assert.deepEqual(seen, ["GET /a%00%FFb?x=%20&y=1", "shoal/1"]);
  });

  add("http.request does not follow redirects", async (t) => {
    let asked = 0;
    await serving(t, () => {
      asked++;
      return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
    }, async (get) => {
      const answer = await get("/");
      assert.deepEqual([answer.status, answer.headers["location"]], [302, "/elsewhere"]);
    });
    assert.equal(asked, 1);
  });

  add("http.request undoes gzip and both kinds of deflate", async (t) => {
    const bytes = pattern(50_000, 1);
    await serving(t, (request) => {
      const path = new URL(request.url).pathname;
      if (path === "/gzip") return packed(gzipSync(bytes), "gzip");
      if (path === "/zlib") return packed(deflateSync(bytes), "deflate");
      return packed(deflateRawSync(bytes), "deflate");
    }, async (get) => {
      for (const path of ["/gzip", "/zlib", "/raw"]) {
        assert.deepEqual((await get(path)).body, bytes, path);
      }
    });
  });

  add("http.request stops a packed bomb by what comes out of it", async (t) => {
    const bomb = gzipSync(new Uint8Array(50_000_000));
    assert.ok(bomb.length < 100_000);
    await serving(t, () => packed(bomb, "gzip"), async (get) => {
      const failure = await rejectsWith(get("/", { maxBytes: 100_000 }), "too-large");
      assert.match(failure.message, /unpacks/);
    });
  });

  add("http.request refuses packing that is broken or unknown", async (t) => {
    await serving(t, (request) => {
      const whole = gzipSync(pattern(10_000, 1));
      return packed(
        whole.subarray(0, whole.length / 2),
        new URL(request.url).pathname === "/cut" ? "gzip" : "br",
      );
    }, async (get) => {
      await rejectsWith(get("/cut"), "bad-response");
      await rejectsWith(get("/br"), "bad-response");
    });
  });

  add("http.request takes short and wrongly labelled answers only when lenient", async (t) => {
    const bytes = pattern(500, 2), gzipped = gzipSync(bytes);
    const head = (line: string) => bytesOf(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`);
    const cases: [name: string, answer: Uint8Array, isStrictlyTaken: boolean][] = [
      ["short", concatBytes(head("content-length: 600"), bytes), false],
      [
        "a chunk short",
        concatBytes(head("transfer-encoding: chunked"), bytesOf("1f5\r\n"), bytes),
        false,
      ],
      ["gzip unasked", concatBytes(head("x: y"), gzipped), true],
      ["no gzip", concatBytes(head("content-encoding: gzip"), bytes), false],
    ];
    for (const [name, answer, isStrictlyTaken] of cases) {
      const listener = await t.there.net.listen({ port: 0 }, (socket) => {
        let asked = false;
        socket.attach({
          onData: () => {
            if (!asked) socket.send(answer, () => socket.close());
            asked = true;
          },
          onEnd: () => {},
        });
      });
      const url = `http://${t.address}:${listener.port}/`;
      const request = { url, timeoutMs: 5000, maxBytes: 10_000 };
      const { body } = await t.here.http.request({ ...request, lenient: true });
      assert.deepEqual(body, bytes, name);
      const strictly = t.here.http.request(request);
      if (isStrictlyTaken) assert.notDeepEqual((await strictly).body, bytes, name);
      else await rejectsWith(strictly, "reset", "bad-response");
      await listener.close();
    }
  });

  add("http.request stops at maxBytes, also in a body without end", async (t) => {
    let pulled = 0;
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(10_000));
        },
      });
    await serving(t, (request) => {
      if (new URL(request.url).pathname === "/endless") return new Response(endless());
      return new Response(new Uint8Array(5000));
    }, async (get) => {
      assert.equal((await get("/", { maxBytes: 5000 })).body.length, 5000);
      await rejectsWith(get("/", { maxBytes: 4999 }), "too-large");
      await rejectsWith(get("/endless", { maxBytes: 200_000 }), "too-large");
      assert.ok(pulled >= 20);
      await sleep(t.here, 100);
    });
  });

  add("http.request gives up after timeoutMs and when called off", async (t) => {
    const never = new Promise<Response>(() => {});
    await serving(t, (request) => {
      return new URL(request.url).pathname === "/never" ? never : new Response(stalled());
    }, async (get) => {
      await rejectsWith(get("/never", { timeoutMs: 100 }), "timeout");
      await rejectsWith(get("/stalled", { timeoutMs: 100 }), "timeout");
      const controller = new AbortController();
      const called = get("/never", { signal: controller.signal });
      t.here.clock.after(30, () => controller.abort());
      await rejectsWith(called, "aborted");
      await rejectsWith(get("/", { signal: AbortSignal.abort() }), "aborted");
    });
  });

  add("http.request connects to the pinned address and keeps the Host header", async (t) => {
    await serving(t, (request) => new Response(request.headers.get("host")), async (get, port) => {
      const url = `http://tracker.invalid:${port}/announce`;
      const answer = await get("", { url, address: t.address });
      assert.equal(text(answer.body), `tracker.invalid:${port}`);
    });
  });

  add("http.request reports what cannot be reached", async (t) => {
    const request = { timeoutMs: 5000, maxBytes: 1000 };
    const gone = await t.there.net.listen({ port: 0 }, () => {});
    await gone.close();
    const url = `http://${t.address}:${gone.port}/`;
    await rejectsWith(t.here.http.request({ ...request, url }), "refused");
    const silent = await t.silent();
    const nobody = `http://${silent.address}:${silent.port}/`;
    await rejectsWith(t.here.http.request({ ...request, url: nobody, timeoutMs: 100 }), "timeout");
    for (const bad of ["ftp://1.2.3.4/", "file:///etc/passwd", "nonsense"]) {
      await rejectsWith(t.here.http.request({ ...request, url: bad }), "other");
    }
    const unknown = t.here.http.request({ ...request, url: "http://no-such-host.invalid/" });
    await rejectsWith(unknown, "name-not-found", "timeout");
  }, 40_000);
}

export function httpStreamCases(add: AddCase): void {
  add("http.request sends its method and its body", async (t) => {
    const seen: string[] = [];
    await serving(t, async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      seen.push(`${request.method} ${request.headers.get("soapaction")} ${body.length}`);
      return new Response(request.method === "HEAD" ? null : body, {
        headers: { "x-method": request.method },
      });
    }, async (get) => {
      const body = pattern(200_000, 3), headers = { SOAPAction: '"urn:x#Y"' };
      assert.deepEqual((await get("/", { method: "POST", body, headers })).body, body);
      const empty = await get("/", { method: "POST", body: new Uint8Array(0) });
      assert.equal(empty.body.length, 0);
      const head = await get("/", { method: "HEAD" });
      assert.deepEqual([head.headers["x-method"], head.body.length], ["HEAD", 0]);
    });
    assert.deepEqual(seen, ['POST "urn:x#Y" 200000', "POST null 0", "HEAD null 0"]);
  });

  add("http.stream gives the body as it comes, and its end", async (t) => {
    const bytes = pattern(1_000_000, 5);
    await serving(t, (request) => {
      const headers = { "x-range": request.headers.get("range") ?? "" };
      return new Response(bytes as Uint8Array<ArrayBuffer>, { status: 206, headers });
    }, async (_, port) => {
      const stream = await t.here.http.stream({
        url: `http://${t.address}:${port}/`,
        headers: { range: "bytes=0-999999" },
        timeoutMs: 5000,
      });
      assert.deepEqual([stream.status, stream.headers["x-range"]], [206, "bytes=0-999999"]);
      const read = new Collector();
      for (let part; (part = await stream.read()) !== null;) {
        assert.ok(part.length > 0);
        read.onData(part);
      }
      assert.deepEqual(read.bytes(), bytes);
      assert.equal(await stream.read(), null, "the end stays the end");
      stream.close();
      await rejectsWith(stream.read(), "closed");
    });
  });

  add("http.stream holds the sender up while nobody reads", async (t) => {
    const part = new Uint8Array(64 * 1024), most = 64 << 20;
    let sent = 0, ended: () => void = () => {};
    const over = new Promise<void>((resolve) => ended = resolve);
    const body = () =>
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(controller) {
          if (sent >= most) return controller.close();
          sent += part.length;
          controller.enqueue(part.slice());
        },
        cancel: () => ended(),
      }, { highWaterMark: 0 });
    await serving(t, () => new Response(body()), async (_, port) => {
      const url = `http://${t.address}:${port}/`;
      const stream = await t.here.http.stream({ url, timeoutMs: 5000 });
      assert.ok((await stream.read())!.length > 0);
      const held = await standsStill(t, () => sent);
      assert.ok(held < most / 2, `${held} bytes were sent that nobody has read`);
      // Reading on sets it going again.
      for (let got = 0; got < 2 * held;) got += (await stream.read())!.length;
      assert.ok(sent > held);
      stream.close();
      await over; // the server hears of it
      assert.ok(sent < most);
    });
  });

  add("http.stream is called off in mid-stream", async (t) => {
    await serving(t, () => new Response(stalled()), async (_, port) => {
      const url = `http://${t.address}:${port}/`, controller = new AbortController();
      const request = { url, timeoutMs: 5000, signal: controller.signal };
      const stream = await t.here.http.stream(request);
      assert.equal((await stream.read())!.length, 10);
      const waiting = rejectsWith(stream.read(), "aborted");
      t.here.clock.after(30, () => controller.abort());
      await waiting;
      await rejectsWith(stream.read(), "aborted");
      await rejectsWith(t.here.http.stream(request), "aborted");
    });
  });

  add("http.stream limits the time of its head and of each read, not of the pauses", async (t) => {
    const never = new Promise<Response>(() => {});
    await serving(t, (request) => {
      return new URL(request.url).pathname === "/never" ? never : new Response(stalled());
    }, async (_, port) => {
      const at = `http://${t.address}:${port}`;
      await rejectsWith(t.here.http.stream({ url: `${at}/never`, timeoutMs: 100 }), "timeout");
      const stream = await t.here.http.stream({ url: `${at}/stalled`, timeoutMs: 300 });
      await sleep(t.here, 600);
      assert.equal((await stream.read())!.length, 10);
      await rejectsWith(stream.read(), "timeout");
    });
  });

  add("http.stream refuses what is packed, and a body that breaks off", async (t) => {
    const broken = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
        pull: (controller) => controller.error(new Error("the disk is gone")),
      }, { highWaterMark: 0 });
    await serving(t, (request) => {
      if (new URL(request.url).pathname === "/broken") return new Response(broken());
      assert.equal(request.headers.get("accept-encoding"), "identity");
      return packed(gzipSync(pattern(10_000, 1)), "gzip");
    }, async (_, port) => {
      const at = `http://${t.address}:${port}`;
      const request = { url: `${at}/packed`, timeoutMs: 5000 };
      await rejectsWith(t.here.http.stream(request), "bad-response");
      const readAll = async () => {
        const stream = await t.here.http.stream({ ...request, url: `${at}/broken` });
        while (await stream.read() !== null);
      };
      await rejectsWith(readAll(), "reset");
    });
  });
}

/** A body that begins and never ends. */
function stalled(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
}

/** The count once it has not grown for half a second. */
async function standsStill(t: UnderTest, count: () => number): Promise<number> {
  for (let last = -1;;) {
    if (count() === last) return last;
    last = count();
    await sleep(t.here, 500);
  }
}

export function httpServeCases(add: AddCase): void {
  add("http.serve answers a handler's exception with a bare 500", async (t) => {
    await serving(t, () => {
      throw new Error("secret detail");
    }, async (get) => {
      const answer = await get("/");
      assert.equal(answer.status, 500);
      assert.ok(!text(answer.body).includes("secret"));
      assert.ok(answer.body.length < 100);
    });
  });

  add("http.serve refuses a port in use and frees it on close", async (t) => {
    const on = { port: 0, address: t.serveOn };
    const server = await t.there.http.serve(on, () => new Response("one"));
    const again = { ...on, port: server.port };
    await rejectsWith(t.there.http.serve(again, () => new Response("two")), "address-in-use");
    await server.close();
    await (await t.there.http.serve(again, () => new Response("three"))).close();
  });

  add("HttpServer.close cuts an event stream that would never end", async (t) => {
    const server = await t.there.http.serve({ port: 0, address: t.serveOn }, () =>
      new Response(
        new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(5)) }),
      ));
    const url = `http://${t.address}:${server.port}/`;
    const answer = t.here.http.request({ url, timeoutMs: 10_000, maxBytes: 1000 });
    const cut = answer.then(() => "whole", () => "cut");
    await sleep(t.here, 100);
    const start = t.here.clock.now();
    await server.close();
    assert.equal(await cut, "cut");
    assert.ok(t.here.clock.now() - start < 3000);
  });

  add("http.serve listens on a path for this user alone, and replaces a dead socket", async (t) => {
    const unix = `${t.dir}/own.sock`, seen: unknown[] = [];
    const serve = () =>
      t.here.http.serve({ unix }, (request, remote) => {
        seen.push(new URL(request.url).pathname, remote);
        return new Response("here");
      });
    const ask = () =>
      t.here.http.request({ url: "http://localhost/who", unix, timeoutMs: 5000, maxBytes: 100 });
    const server = await serve();
    assert.equal(text((await ask()).body), "here");
    assert.deepEqual([server.port, ...seen], [0, "/who", { address: "", port: 0 }]);
    await rejectsWith(serve(), "address-in-use");
    await server.close();
    await rejectsWith(ask(), "refused");
    await (await serve()).close();
  });

  add("http.serve streams the body of a request while it arrives", async (t) => {
    let bytes = 0;
    await serving(t, async (request) => {
      for await (const part of request.body!) bytes += part.length;
      return new Response(`${request.method} ${bytes}`);
    }, async (get) => {
      const answer = await get("/", { method: "PATCH", body: pattern(3_000_000, 1) });
      assert.equal(text(answer.body), "PATCH 3000000");
    });
  });

  add("http.serve keeps the length of a streamed answer", async (t) => {
    const parts = [pattern(70_000, 1), pattern(30_000, 2)];
    await serving(t, () => {
      const body = new ReadableStream({
        pull(controller) {
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(part);
        },
      });
      return new Response(body, { headers: { "content-length": "100000" } });
    }, async (get) => {
      const { headers, body } = await get("/");
      assert.equal(headers["content-length"], "100000");
      assert.equal(body.length, 100_000);
    });
  });

  add(
    "http.serve breaks off an answer whose body fails, and shows nothing of the error",
    async (t) => {
      await serving(t, () => {
        let sent = false;
        return new Response(
          new ReadableStream({
            pull(controller) {
              if (sent) throw new Error("secret detail");
              sent = true;
              controller.enqueue(new Uint8Array(5));
            },
          }),
        );
      }, async (get) => {
        await rejectsWith(get("/"), "reset", "closed");
      });
    },
  );

  add("http.serve closes a connection that does not finish its head", async (t) => {
    const on = { port: 0, address: t.serveOn };
    const server = await t.there.http.serve(on, () => new Response("x"), { headMs: 300 });
    const to = { address: t.address, port: server.port, timeoutMs: 5000 };
    const socket = t.here.net.connect(to), got = new Collector();
    socket.attach(got);
    await socket.opened;
    const dripping = (async () => {
      for (const part of ["GET / HT", "TP/1.1\r\n", "Host: a\r\n", ...Array(40).fill("A: b\r\n")]) {
        socket.send(bytesOf(part), () => {});
        await sleep(t.here, 50);
      }
    })();
    const first = await Promise.race([got.ended.then(() => "closed"), dripping.then(() => "open")]);
    assert.equal(first, "closed");
    await server.close();
  });

  add("http.serve closes a connection that drips its body for too long", async (t) => {
    const on = { port: 0, address: t.serveOn },
      read = async (request: Request) => {
        return new Response(await request.text());
      };
    const server = await t.there.http.serve(on, read, { bodyMs: 300 });
    const socket = t.here.net.connect({ address: t.address, port: server.port, timeoutMs: 5000 });
    const got = new Collector();
    socket.attach(got);
    await socket.opened;
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    const dripping = (async () => {
      for (const part of [head, ...Array(60).fill("x")]) {
        socket.send(bytesOf(part), () => {});
        await sleep(t.here, 50);
      }
    })();
    const first = await Promise.race([got.ended.then(() => "closed"), dripping.then(() => "open")]);
    assert.equal(first, "closed");
    await server.close();
  });

  add("http.serve closes connections above its limit", async (t) => {
    const on = { port: 0, address: t.serveOn };
    const server = await t.there.http.serve(on, () => new Response("x"), { connections: 3 });
    const to = { address: t.address, port: server.port, timeoutMs: 5000 };
    const sockets = Array.from({ length: 6 }, () => t.here.net.connect(to));
    let ended = 0;
    await new Promise<void>((resolve) => {
      for (const socket of sockets) socket.attach(new Collector());
      for (const socket of sockets) {
        socket.closed.catch(() => {}).finally(() => ++ended === 3 && resolve());
      }
    });
    assert.equal(ended, 3);
    for (const socket of sockets) socket.close();
    await server.close();
  });
}
