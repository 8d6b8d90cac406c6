/**
 * A real daemon attacked over its sockets: by pages of other sites, by guessers of passwords, by
 * tokens that may do little, and by clients that send too much. Each is refused, the daemon's memory
 * stays small, and its owner is served all the while.
 */
import assert from "node:assert/strict";
import { createHash, scryptSync } from "node:crypto";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePort } from "./ports.ts";
import type { Program } from "./program.ts";
import { Scene } from "./scene.ts";
import { shoalCommand } from "./shoal.ts";
import { until } from "./until.ts";

type Level = "read" | "add" | "all";
const LEVELS: readonly Level[] = ["read", "add", "all"];
const TOKENS = Object.fromEntries(LEVELS.map((level, index) => {
  return [level, `shoal_${String(index).repeat(64)}`];
})) as Record<Level, string>;
const PASSWORD = "correct horse";
const HASH = "0123456789abcdef0123456789abcdef01234567";
const CONNECTIONS = 60;
/** Requests that are sent without waiting for an answer, which is allowed. */
const BURST = 25;
/** Far more than any of the attacks may cost, far less than what they send. */
const MOST_GROWTH = 120e6;

const scene = new Scene();
let daemon: { port: number; folder: string; program: Program };
before(async () => {
  daemon = await startDaemon();
});
after(() => scene.close());

async function startDaemon() {
  const folder = scene.folder(), port = await freePort();
  for (const name of ["data", "outside"]) mkdirSync(join(folder, name));
  symlinkSync(join(folder, "outside"), join(folder, "data", "link"));
  const salt = Buffer.alloc(16, 7);
  const key = scryptSync(PASSWORD, salt, 32, { N: 2 ** 15, r: 8, maxmem: 64 * 2 ** 20 });
  const config = {
    torrents: { dir: join(folder, "data") },
    roots: [join(folder, "data")],
    listen: `127.0.0.1:${port}`,
    unix: join(folder, "shoal.sock"),
    password: `scrypt$15$${salt.toString("hex")}$${key.toString("hex")}`,
    tokens: LEVELS.map((may) => {
      return { name: may, may, hash: createHash("sha256").update(TOKENS[may]).digest("hex") };
    }),
    httpConnections: CONNECTIONS,
    logLevel: "debug",
    dht: false,
    lsd: false,
  };
  const path = join(folder, "config.jsonc");
  writeFileSync(path, JSON.stringify(config));
  const args = ["daemon", "--config", path, "--state-dir", join(folder, "state")];
  const program = scene.start([...shoalCommand(), ...args]);
  await until("the API listens", () => program.stderr.includes("The API listens"));
  return { port, folder, program };
}

/** Resident bytes of the daemon. */
function resident(): number {
  const status = readFileSync(`/proc/${daemon.program.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

/** All that comes back until the daemon ends the connection; "" if it does without a word. */
function raw(sent: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(daemon.port, "127.0.0.1"), parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part as Buffer));
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
    socket.write(sent, "latin1");
  });
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
}

/** A connection for many requests. */
class KeptLine {
  readonly #socket = connect(daemon.port, "127.0.0.1");
  #text = "";
  #heard = () => {};

  constructor() {
    for (const event of ["data", "close"]) {
      this.#socket.on(event, (part: Buffer | boolean) => {
        if (typeof part !== "boolean") this.#text += part.toString("latin1");
        this.#heard();
      });
    }
    this.#socket.on("error", () => {});
  }

  /** The statuses of so many answers, or fewer if the connection ends. */
  async ask(sent: string, answers: number): Promise<number[]> {
    this.#text = "";
    this.#socket.write(sent);
    while (statusesIn(this.#text).length < answers && !this.#socket.destroyed) {
      await new Promise<void>((resolve) => this.#heard = resolve);
    }
    return statusesIn(this.#text);
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** One request with these header lines; 0 without an answer. */
async function status(line: string, headers: readonly string[], body = ""): Promise<number> {
  const length = body === "" ? [] : [`Content-Length: ${body.length}`];
  const head = [`${line} HTTP/1.1`, ...headers, ...length, "Connection: close", "", ""];
  return statusesIn(await raw(head.join("\r\n") + body))[0] ?? 0;
}

const HOST = "Host: 127.0.0.1";
const JSON_TYPE = "Content-Type: application/json";
const bearer = (token: string) => `Authorization: Bearer ${token}`;
const OWNER = [HOST, bearer(TOKENS.all)];

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

/** "POST /torrents" of the API with a JSON body, by a token, or without one by the Unix socket. */
function ask(what: string, token?: string, body?: unknown): Promise<Answer> {
  const [method, path] = what.split(" ");
  const where = token === undefined
    ? { socketPath: join(daemon.folder, "shoal.sock") }
    : { host: "127.0.0.1", port: daemon.port };
  const authorization = token === undefined || token === ""
    ? {}
    : { authorization: `Bearer ${token}` };
  const text = body === undefined ? "" : JSON.stringify(body);
  const sent = method === "GET" ? "" : text;
  const length = sent === "" ? {} : { "content-length": String(sent.length) };
  const type = { "content-type": "application/json", connection: "close" };
  const headers = { ...type, ...length, ...authorization };
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ ...where, method, path: `/api/v1${path}`, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        const whole = Buffer.concat(parts).toString();
        const isJson = answer.headers["content-type"] === "application/json";
        resolve({ status: answer.statusCode!, body: isJson ? JSON.parse(whole) : whole });
      });
    });
    asked.on("error", reject);
    asked.end(sent);
  });
}

describe("a page of another site", () => {
  it("cannot reach the daemon by a name that it lets point here", async () => {
    const token = bearer(TOKENS.all), line = "GET /api/v1/torrents";
    assert.equal(await status(line, OWNER), 200);
    for (const host of ["attacker.example", "127.0.0.1.attacker.example", "localhost.example:80"]) {
      assert.equal(await status(line, [`Host: ${host}`, token]), 421, host);
    }
    assert.equal(await status(line, [token]), 400, "no Host");
    assert.equal(await status(line, ["Host:", token]), 400, "an empty Host");
    assert.deepEqual(statusesIn(await raw(`${line} HTTP/1.0\r\n${token}\r\n\r\n`)), [400]);
    const two = await status(line, [HOST, "Host: attacker.example", token]);
    assert.ok(two === 400 || two === 421, `two Hosts: ${two}`);
  });

  it("cannot send forms, plain fetches, or requests with its origin", async () => {
    const post = "POST /api/v1/torrents", body = JSON.stringify({ magnet: HASH });
    const forms = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];
    for (const type of forms) {
      assert.equal(await status(post, [...OWNER, `Content-Type: ${type}`], body), 415, type);
    }
    assert.equal(await status(post, OWNER, body), 415, "no type");
    const foreign = [
      "Origin: http://attacker.example",
      "Origin: null",
      `Origin: https://127.0.0.1:${daemon.port + 1}`,
      "Sec-Fetch-Site: cross-site",
      "Sec-Fetch-Site: same-site",
    ];
    for (const header of foreign) {
      assert.equal(await status(post, [...OWNER, JSON_TYPE, header], body), 403, header);
    }
    const asked = "Access-Control-Request-Method: POST";
    const preflight = await raw(
      ["OPTIONS /api/v1/torrents HTTP/1.1", HOST, foreign[0], asked, "Connection: close", "", ""]
        .join("\r\n"),
    );
    assert.deepEqual(statusesIn(preflight), [403]);
    assert.doesNotMatch(preflight, /access-control-allow/i);
    assert.deepEqual((await ask("GET /torrents")).body.torrents, {}, "nothing was added");
  });
});

describe("tokens", () => {
  it("may do on every route what the route needs, and nothing above", async () => {
    const { body: { paths } } = await ask("GET /openapi.json");
    let refused = 0;
    for (const [path, methods] of Object.entries<Record<string, { description?: string }>>(paths)) {
      if (path === "/api/v1/login") continue;
      for (const [method, { description = "" }] of Object.entries(methods)) {
        const needs = /^Needs (\w+)\./.exec(description)?.[1] ?? "read";
        const line = path.slice("/api/v1".length)
          .replace("{infoHash}", HASH).replace("{index}", "0").replace("{name}", "none");
        const what = `${method.toUpperCase()} ${line}`;
        for (const wrong of ["", "shoal_", HASH, TOKENS.all.slice(0, -1), `${TOKENS.all}0`]) {
          assert.equal((await ask(what, wrong, {})).status, 401, `${what} ${wrong}`);
        }
        for (const level of LEVELS.slice(0, LEVELS.indexOf(needs as Level))) {
          assert.equal((await ask(what, TOKENS[level], {})).status, 403, `${what} ${level}`);
          refused++;
        }
      }
    }
    assert.ok(refused > 30, `${refused} refusals`);
  });

  it("that may not do everything fetch no URL of the daemon's own machine", async () => {
    let visits = 0;
    const server = createServer((socket) => {
      visits++;
      socket.on("error", () => {});
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const { port } = server.address() as { port: number };
    const hosts = ["127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:7f00:1]", "0.0.0.0"];
    for (const host of [...hosts, "169.254.169.254"]) {
      const url = `http://${host}:${port}/`;
      const { status, body } = await ask("POST /torrents", TOKENS.add, { url });
      assert.deepEqual([status, body.error.code], [403, "permission"], url);
    }
    assert.equal(visits, 0);
    const url = `http://127.0.0.1:${port}/`;
    const { body } = await ask("POST /torrents", TOKENS.all, { url });
    assert.match(body.error.message, /answered 404/);
    assert.equal(visits, 1);
    server.close();
  });

  it("reach no folder outside the roots and no setting of the owner", async () => {
    const { folder } = daemon, data = join(folder, "data");
    const dirs = ["/etc", join(folder, "outside"), join(data, "link"), join(data, "link", "new")];
    const sources = (options: object) => ({ magnet: HASH, options });
    for (const dir of dirs) {
      for (const options of [{ dir }, { incompleteDir: dir }, { reuse: [dir] }]) {
        const { status, body } = await ask("POST /torrents", TOKENS.all, sources(options));
        assert.deepEqual(
          [status, body.error.code],
          [403, "outside-roots"],
          JSON.stringify(options),
        );
      }
      for (const name of ["torrents.dir", "torrents.incompleteDir"]) {
        assert.equal((await ask("PATCH /settings", TOKENS.all, { [name]: dir })).status, 403, name);
      }
      assert.equal((await ask(`GET /folders?path=${dir}`, TOKENS.all)).status, 403, dir);
    }
    for (const dir of [`${data}/../outside`, `${data}/a\0b`, "data", ""]) {
      const { status } = await ask("POST /torrents", TOKENS.all, sources({ dir }));
      assert.ok(status === 400 || status === 403, `${JSON.stringify(dir)}: ${status}`);
    }
    const owners = {
      webHome: "/",
      rpcPath: "/",
      hooks: { done: [{ argv: ["/bin/sh"] }] },
      roots: ["/"],
      password: "",
      tokens: [],
      allowedHosts: ["attacker.example"],
      watch: [],
    };
    for (const [name, value] of Object.entries(owners)) {
      const { status } = await ask("PATCH /settings", TOKENS.all, { [name]: value });
      assert.equal(status, 403, name);
    }
  });
});

describe("guessing passwords", () => {
  it("10,000 times costs little, and the owner is served meanwhile", async () => {
    const line = "GET /api/v1/client", request = `${line} HTTP/1.1\r\n${HOST}`;
    const basic = (password: string) => `Authorization: Basic ${btoa(`shoal:${password}`)}`;
    assert.equal(await status(line, [HOST, basic(PASSWORD)]), 200);
    const before = resident(), seen = new Map<number, number>();
    const guesses = async (from: number) => {
      const line = new KeptLine();
      for (let at = from; at < from + 1000; at += BURST) {
        const heads = Array.from({ length: BURST }, (_, more) => {
          return `${request}\r\n${basic(`guess ${at + more}`)}\r\n\r\n`;
        });
        for (const each of await line.ask(heads.join(""), BURST)) {
          seen.set(each, (seen.get(each) ?? 0) + 1);
        }
      }
      line.end();
    };
    const guessing = Promise.all(Array.from({ length: 10 }, (_, at) => guesses(at * 1000)));
    assert.equal(await status(line, [HOST, basic(PASSWORD)]), 200, "known to be right");
    assert.equal(await status(line, OWNER), 200, "a token");
    await guessing;
    const count = [...seen.values()].reduce((sum, each) => sum + each, 0);
    assert.equal(count, 10_000, JSON.stringify([...seen]));
    const checked = seen.get(401) ?? 0;
    assert.ok(checked >= 5 && checked < 40, `${checked} were checked`);
    assert.equal(await status(line, [HOST, basic("guess")]), 429);
    assert.equal(await status(line, [HOST, basic(PASSWORD)]), 200);
    assert.ok(resident() - before < MOST_GROWTH, `${(resident() - before) / 1e6} MB more`);
  });
});

/** Sends up to 300 MB of a body; resolves to the status and the bytes that went out. */
function flood(headers: readonly string[], isChunked: boolean) {
  const part = Buffer.alloc(1 << 20, 0x20), most = 300 * part.length;
  const length = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${most}`;
  const framed = isChunked
    ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")])
    : part;
  return new Promise<{ status: number; sent: number }>((resolve) => {
    const socket = connect(daemon.port, "127.0.0.1");
    let text = "", sent = 0;
    const more = () => {
      while (!socket.destroyed && sent < most) {
        sent += part.length;
        if (!socket.write(framed)) return;
      }
    };
    socket.on("drain", more);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      text += data.toString("latin1");
      // A polite client stops here.
      if (text.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("close", () => resolve({ status: statusesIn(text)[0] ?? 0, sent }));
    const lines = ["POST /api/v1/torrents HTTP/1.1", ...headers, length, "", ""];
    socket.write(lines.join("\r\n"));
    more();
  });
}

describe("too much", () => {
  it("of a body is refused, told beforehand or not, with and without a token", async () => {
    const before = resident();
    for (const isChunked of [false, true]) {
      const owner = await flood([...OWNER, JSON_TYPE], isChunked);
      assert.ok(owner.status === 413 || owner.status === 0, `status ${owner.status}`);
      const nobody = await flood([HOST, JSON_TYPE], isChunked);
      assert.ok(nobody.status === 401 || nobody.status === 0, `status ${nobody.status}`);
    }
    assert.ok(resident() - before < MOST_GROWTH, `${(resident() - before) / 1e6} MB more`);
    assert.equal((await ask("GET /client", TOKENS.read)).status, 200);
  });

  it("of connections are not accepted, and the owner comes in by the Unix socket", async () => {
    const sockets = Array.from({ length: CONNECTIONS * 5 }, () => {
      const socket = connect(daemon.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: 127.0.");
      return socket;
    });
    const closed = () => sockets.filter((socket) => socket.destroyed).length;
    for (const socket of sockets) socket.resume();
    await until("the others are turned away", () => closed() >= CONNECTIONS * 4);
    assert.equal((await ask("GET /client")).status, 200);
    for (const socket of sockets) socket.destroy();
    await until(
      "there is room again",
      async () => await status("GET /api/v1/client", OWNER) === 200,
    );
  });

  it("of requests whose answers nobody reads end their connection", async () => {
    const before = resident(), burst = `GET / HTTP/1.1\r\n${HOST}\r\n\r\n`.repeat(1000);
    let sent = 0;
    await new Promise((resolve) => {
      const socket = connect(daemon.port, "127.0.0.1");
      const more = () => {
        while (!socket.destroyed && sent < 50e6) {
          sent += burst.length;
          if (!socket.write(burst)) return;
        }
      };
      socket.pause();
      socket.on("drain", more);
      socket.on("error", () => {});
      socket.on("close", resolve);
      more();
    });
    assert.ok(sent < 50e6, `${sent / 1e6} MB of requests`);
    assert.ok(resident() - before < MOST_GROWTH, `${(resident() - before) / 1e6} MB more`);
  });

  it("of headers and nesting, and names of prototypes, are refused", async () => {
    const long = await status("GET /api/v1/client", [...OWNER, `X-Long: ${"x".repeat(1 << 20)}`]);
    assert.ok([0, 400, 413, 431].includes(long), `a header of 1 MiB: ${long}`);
    const post = "POST /api/v1/torrents", patch = "PATCH /api/v1/settings";
    const deep = "[".repeat(30_000) + "]".repeat(30_000);
    const bodies = [
      deep,
      "[".repeat(60_000),
      `{"magnet":"${HASH}","options":{"seedGoal":${deep}}}`,
      `{"magnet":"${HASH}","__proto__":{"may":"all"}}`,
      `{"magnet":"${HASH}","options":{"__proto__":{"dir":"/etc"}}}`,
      `{"magnet":"${HASH}","options":{"constructor":{}}}`,
      "null",
      '"x"',
      "1e999",
    ];
    for (const body of bodies) {
      assert.equal(await status(post, [...OWNER, JSON_TYPE], body), 400, body.slice(0, 60));
    }
    for (const body of [`{"labels":${deep}}`, `{"hooks.added":[]}`, `{"toString":1}`, "[1]"]) {
      assert.equal(await status(patch, [...OWNER, JSON_TYPE], body), 400, body.slice(0, 60));
    }
    assert.deepEqual((await ask("GET /torrents")).body.torrents, {});
  });
});

describe("odd requests", () => {
  it("whose length is said twice are refused; pipelined ones are answered in order", async () => {
    const post = ["POST /api/v1/queue HTTP/1.1", ...OWNER, JSON_TYPE];
    const both = ["Content-Length: 5", "Transfer-Encoding: chunked"];
    const oddities: readonly (readonly string[])[] = [
      both,
      ["Content-Length: 5", "Content-Length: 6"],
      ["Content-Length: -1"],
      ["Content-Length: 0x5"],
      ["Transfer-Encoding: chunked, identity"],
    ];
    for (const odd of oddities) {
      const smuggled = "0\r\n\r\nPOST /api/v1/shutdown HTTP/1.1";
      const second = [smuggled, ...OWNER, JSON_TYPE, "Content-Length: 2", "", "{}"].join("\r\n");
      const statuses = statusesIn(await raw([...post, ...odd, "", second].join("\r\n")));
      assert.ok(!statuses.includes(202), `${odd}: ${statuses}`);
      assert.ok(statuses.every((each) => each === 400), `${odd}: ${statuses}`);
    }
    const paths = ["client", "nothing", "torrents"];
    const lines = paths.map((path, at) => {
      const end = at === 2 ? ["Connection: close", "", ""] : ["", ""];
      return [`GET /api/v1/${path} HTTP/1.1`, ...OWNER, ...end].join("\r\n");
    });
    assert.deepEqual(statusesIn(await raw(lines.join(""))), [200, 404, 200]);
  });

  it("with tricks in their path find nothing", async () => {
    const paths = [
      "/api/v1/../../etc/passwd",
      "/api/v1/torrents/%2e%2e%2fclient",
      "/api/v1/torrents/..%2f..%2fetc%2fpasswd",
      "/api/v1/torrents/%00",
      "/api/v1/torrents/%ff%fe",
      "/api/v1/torrents/__proto__",
      "/api/v1//torrents",
      "//attacker.example/api/v1/torrents",
      "/transmission/web/%2e%2e/%2e%2e/etc/passwd",
      "/transmission/web/..%2f..%2f..%2fetc%2fpasswd",
      "/api/v1/torrents%00",
      "*",
    ];
    for (const path of paths) {
      const found = await status(`GET ${path}`, OWNER);
      assert.ok(found === 404 || found === 400 || found === 421, `${path}: ${found}`);
    }
  });
});

describe("after all that", () => {
  it("the daemon works, secrets are in no log, and its files are its owner's", async () => {
    const { folder, program } = daemon;
    assert.equal((await ask("POST /tokens", TOKENS.all, { name: "new", may: "read" })).status, 201);
    assert.equal(statSync(join(folder, "config.jsonc")).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "shoal.sock")).mode & 0o777, 0o600);
    assert.doesNotMatch(program.stderr, /A request failed/);
    for (const secret of [...Object.values(TOKENS), PASSWORD, btoa(`shoal:${PASSWORD}`)]) {
      assert.ok(!program.stderr.includes(secret), "a secret is in the log");
    }
    assert.equal((await ask("POST /shutdown", TOKENS.all, {})).status, 202);
    assert.equal((await program.ended).code, 0);
  });
});
