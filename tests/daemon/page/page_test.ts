import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { projectRoot } from "../../../scripts/lib/runtimes.ts";
import { Page } from "../../../src/daemon/page/page.ts";
import { pageAssets } from "../../../src/web/assets.ts";

const page = new Page({
  hasher: { digest: (name, bytes) => new Uint8Array(createHash(name).update(bytes).digest()) },
});

const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  page.answer(new Request(`http://127.0.0.1:9091${path}`, { method, headers }));

async function bytesOf(answer: Response): Promise<Uint8Array> {
  return new Uint8Array(await answer.arrayBuffer());
}

describe("the files of the page", () => {
  it("are compressed as the browser takes them", async () => {
    const text = await (await ask("/web/app.js")).text();
    const br = await ask("/web/app.js", { "accept-encoding": "gzip, deflate, br" });
    assert.equal(br.headers.get("content-encoding"), "br");
    assert.equal(brotliDecompressSync(await bytesOf(br)).toString(), text);
    const gzip = await ask("/web/app.js", { "accept-encoding": "gzip, br;q=0" });
    assert.equal(gzip.headers.get("content-encoding"), "gzip");
    assert.equal(gunzipSync(await bytesOf(gzip)).toString(), text);
  });

  it("are not sent again if they are the same", async () => {
    const first = await ask("/"), tag = first.headers.get("etag")!;
    assert.equal((await ask("/", { "if-none-match": `"other", ${tag}` })).status, 304);
    assert.equal((await ask("/", { "if-none-match": '"other"' })).status, 200);
  });

  it("are read and nothing else", async () => {
    const head = await ask("/", {}, "HEAD");
    assert.equal(head.status, 200);
    assert.ok(Number(head.headers.get("content-length")) > 0);
    assert.equal((await ask("/", {}, "POST")).status, 405);
    for (const path of ["/web/", "/web/app", "/web/../web/app.js%00", "/favicon.ico"]) {
      assert.equal((await ask(path)).status, 404, path);
    }
  });

  it("allow no scripts or styles in HTML, and nothing of others", async () => {
    const answer = await ask("/"), policy = answer.headers.get("content-security-policy")!;
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.match(policy, /require-trusted-types-for 'script'/);
    const html = await answer.text();
    assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|style=| on\w+=/);
    assert.doesNotMatch(
      html,
      /(?:src|href)="(?:\/|https?:)/,
      "below a path of a proxy it works, too",
    );
  });

  it("import only one another", () => {
    const assets = pageAssets(), paths = new Set(assets.map(({ path }) => path));
    for (const { path, text } of assets.filter(({ type }) => type === "text/javascript")) {
      for (const [, target] of text.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
        assert.match(target!, /^\.\//, `${path} imports ${target}`);
        assert.ok(paths.has(`web/${target!.slice(2)}`), `${path} imports ${target}`);
      }
    }
  });

  it("take at most 40 KB on the way to the first look", async () => {
    const html = await (await ask("/")).text();
    const first = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    let sum = 0;
    for (const path of new Set(["", ...first])) {
      const answer = await ask(`/${path}`, { "accept-encoding": "gzip" });
      assert.equal(answer.status, 200, path);
      sum += Number(answer.headers.get("content-length"));
    }
    assert.ok(sum <= 40_000, `${sum} bytes`);
    assert.ok(first.includes("web/torrent_list.js") && !first.includes("web/details.js"));
  });

  it("have the types that their comments say", () => {
    const tsc = join(projectRoot, "node_modules/typescript/bin/tsc");
    const { stdout, status } = spawnSync("node", [tsc, "-p", join(projectRoot, "src/web")]);
    assert.equal(status, 0, String(stdout));
  });
});
