/** What a person can get wrong: one line that says what, the right exit code, never a trace. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encode } from "../../src/bencode/bencode_encode.ts";
import type { HttpServer } from "../../src/platform/types.ts";
import {
  type Finished,
  newFolder,
  platform,
  removeFolders,
  shoal,
  startShoal,
  torrentOfNothing,
} from "./run_shoal.ts";

after(removeFolders);

const FOLDER = newFolder();
const GOOD = join(FOLDER, "good.torrent");
const GOOD_BYTES = torrentOfNothing("good.bin", 100, "http://127.0.0.1:9/announce");
writeFileSync(GOOD, GOOD_BYTES);

function assertOneLine(run: Finished, code: number, pattern: RegExp): void {
  assert.match(run.err, pattern);
  assert.match(run.err, /^shoal: [^\n]+\n$/, "one line");
  assert.doesNotMatch(run.err + run.out, /\n\s+at |node:/, "no stack trace");
  assert.equal(run.code, code);
}

describe("shoal with a wrong command line", () => {
  it("ends with 2 and points to the help", { timeout: 20_000 }, async () => {
    const run = await shoal("download", GOOD, "--sequental");
    assertOneLine(run, 2, /Unknown flag --sequental .*see shoal download --help\n$/);
    assert.equal(run.out, "");
  });
});

describe("shoal with a bad .torrent", () => {
  const junk = join(FOLDER, "junk.torrent");
  writeFileSync(junk, "this is not bencode");
  const v2Only = join(FOLDER, "v2.torrent");
  const info = { "file tree": {}, "meta version": 2, name: "x", "piece length": 16384 };
  writeFileSync(v2Only, encode({ info, "piece layers": {} }));

  for (const command of ["show", "download"]) {
    it(`${command} ends with 3 for a missing file`, { timeout: 20_000 }, async () => {
      const run = await shoal(command, join(FOLDER, "none.torrent"));
      assertOneLine(run, 3, /Cannot read .*none\.torrent: there is no such file/);
    });

    it(`${command} ends with 3 for a file that is not a torrent`, { timeout: 20_000 }, async () => {
      assertOneLine(await shoal(command, junk), 3, /junk\.torrent: This is not a \.torrent file/);
    });

    it(`${command} ends with 3 for a folder`, { timeout: 20_000 }, async () => {
      assertOneLine(await shoal(command, FOLDER), 3, /the path is a folder/);
    });

    it(`${command} says that a torrent is v2-only`, { timeout: 20_000 }, async () => {
      assertOneLine(await shoal(command, v2Only), 3, /v2\.torrent: .*v2/i);
    });

    it(`${command} says that it does not accept magnet links`, { timeout: 20_000 }, async () => {
      assertOneLine(await shoal(command, "magnet:?xt=urn:btih:00"), 3, /magnet link/);
    });
  }
});

describe("shoal download from a URL", () => {
  let server: HttpServer;
  let base = "";
  before(async () => {
    server = await platform.http.serve({ port: 0 }, (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/loop") return Response.redirect(`${base}/loop`, 302);
      if (pathname === "/file") return Response.redirect("file:///etc/passwd", 302);
      if (pathname === "/moved") {
        return new Response(null, { status: 307, headers: { location: "good?key=secret" } });
      }
      if (pathname === "/good" && searchParams.get("key") === "secret") {
        return new Response(GOOD_BYTES as Uint8Array<ArrayBuffer>);
      }
      if (pathname === "/mine") {
        const { headers } = request, user = headers.get("authorization");
        const isKnown = user === `Basic ${btoa("ana:p@ss")}` &&
          headers.get("user-agent") === "shoal";
        if (isKnown) return new Response(GOOD_BYTES as Uint8Array<ArrayBuffer>);
      }
      if (pathname === "/page") return new Response("<html>sign in</html>");
      return new Response("no", { status: 404 });
    });
    base = `http://127.0.0.1:${server.port}`;
  });
  after(() => server.close());

  it("follows redirects to the file", { timeout: 20_000 }, async () => {
    const run = await shoal("show", `${base}/moved`, "--json");
    assert.equal(run.err, "");
    assert.equal(JSON.parse(run.out).name, "good.bin");
  });

  it("sends its name, and the user and password of the URL", { timeout: 20_000 }, async () => {
    const run = await shoal("show", `${base.replace("//", "//ana:p%40ss@")}/mine`, "--json");
    assert.equal(run.err, "");
    assert.equal(JSON.parse(run.out).name, "good.bin");
  });

  it(
    "ends with 3 for a 404, without showing a secret in the query",
    { timeout: 20_000 },
    async () => {
      const run = await shoal("download", `${base}/none?passkey=abc`);
      assertOneLine(
        run,
        3,
        /Cannot get http:\/\/127\.0\.0\.1:\d+\/none: the server does not have it \(status 404\)/,
      );
      assert.doesNotMatch(run.err, /abc/);
    },
  );

  it(
    "ends with 3 for a loop, another scheme, a web page and an unreachable host",
    { timeout: 40_000 },
    async () => {
      assertOneLine(await shoal("download", `${base}/loop`), 3, /more than 5 redirects/);
      assertOneLine(await shoal("download", `${base}/file`), 3, /only http and https/);
      assertOneLine(await shoal("download", `${base}/page`), 3, /looks like a web page/);
      assertOneLine(await shoal("download", "http://127.0.0.1:9/x.torrent"), 3, /Cannot get http/);
    },
  );
});

describe("shoal download where it cannot work", () => {
  it("ends with 5 when the folder is a file", { timeout: 20_000 }, async () => {
    const run = await shoal("download", GOOD, "-o", GOOD);
    assertOneLine(run, 5, /good\.torrent/);
  });

  it("ends with 5 if a folder is in the place of a file", { timeout: 20_000 }, async () => {
    const dir = join(FOLDER, "occupied");
    mkdirSync(join(dir, "good.bin"), { recursive: true });
    const run = await shoal("download", GOOD, "-o", dir, "--give-up-after", "5s");
    assert.equal(run.code, 5, run.err + run.out);
    assertOneLine(run, 5, /good\.bin/);
  });

  it("ends with 1 when the port is taken, and names the flag", { timeout: 20_000 }, async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "::", resolve));
    const { port } = taken.address() as { port: number };
    const run = await shoal("download", GOOD, "-o", join(FOLDER, "p"), "--port", String(port));
    await new Promise((resolve) => taken.close(resolve));
    assertOneLine(run, 1, /another program uses that port\. Choose another one with --port/);
  });

  it(
    "ends with 4 if there is no peer, and repeats the tracker's answer",
    { timeout: 20_000 },
    async () => {
      const run = await shoal(
        "download",
        GOOD,
        "-o",
        join(FOLDER, "n"),
        "--give-up-after",
        "2s",
        "-q",
      );
      assertOneLine(run, 4, /good\.bin: no peer was reached in 2\.0 s \(tracker failing/);
      assert.equal(run.out, "");
    },
  );
});

describe("mod.ts", () => {
  it("does not start the command line when it is imported or runs in a worker", {
    timeout: 20_000,
  }, async () => {
    const script = join(FOLDER, "import.mjs");
    const url = new URL("../../mod.ts", import.meta.url).href;
    writeFileSync(
      script,
      `const worker = new Worker(${JSON.stringify(url)}, { type: "module" });
       worker.onerror = (event) => { event.preventDefault?.(); console.log("worker failed", event.message); };
       const shoal = await import(${JSON.stringify(url)});
       setTimeout(() => { worker.terminate(); console.log(typeof shoal.createClient); }, 1500);`,
    );
    const run = await startShoal([], { script }).finished;
    assert.equal(run.out, "function\n");
    assert.equal(run.err, "");
  });
});
