import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fetchTorrent } from "../../src/daemon/fetch_torrent.ts";
import type { HttpRequest } from "../../src/platform/types.ts";

const ADDRESSES: Readonly<Record<string, string>> = {
  "site.example": "203.0.113.5",
  "other.example": "203.0.113.6",
  "inside.example": "10.0.0.8",
  "here.example": "127.0.0.1",
};

/** A web where each URL answers with bytes, or a redirect; `asked` are the requests. */
function web(answers: Readonly<Record<string, string>>) {
  const asked: HttpRequest[] = [];
  const http = {
    request: (request: HttpRequest) => {
      asked.push(request);
      const location = answers[request.url];
      const [status, headers] = location === undefined ? [200, {}] : [302, { location }];
      return Promise.resolve({ status, headers, body: new Uint8Array([1]) });
    },
  };
  const net = { lookup: (host: string) => Promise.resolve([ADDRESSES[host] ?? host]) };
  return { asked, http: http as never, net };
}

describe("a URL of a torrent", () => {
  it("leads to this machine only for somebody who may do everything", async () => {
    const hosts = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.1.1"];
    for (const host of [...hosts, "here.example"]) {
      const ports = web({}), url = `http://${host}:9117/dl`;
      await assert.rejects(fetchTorrent(ports, url, { who: { may: "add" } }), {
        code: "permission",
      });
      assert.equal(ports.asked.length, 0, host);
      await fetchTorrent(ports, url, { who: { may: "all" } });
      assert.equal(ports.asked.length, 1, host);
    }
  });

  it("does not lead there by a redirect either", async () => {
    const away = { "http://site.example/a": "http://here.example/b" };
    for (const may of ["add", "all"] as const) {
      const ports = web(away);
      const fetching = fetchTorrent(ports, "http://site.example/a", { who: { may } });
      await assert.rejects(fetching, { code: "permission" });
      assert.equal(ports.asked.length, 1, may);
    }
    const inward = web({ "http://site.example/a": "http://inside.example/b" });
    const fetching = fetchTorrent(inward, "http://site.example/a", { who: { may: "all" } });
    await assert.rejects(fetching, { code: "permission" });
  });

  it("is asked at the address that was checked", async () => {
    const ports = web({});
    await fetchTorrent(ports, "http://site.example/a", { who: { may: "add" } });
    assert.equal(ports.asked[0]!.address, "203.0.113.5");
  });

  it("gives its cookies to its own host alone", async () => {
    const ports = web({
      "http://site.example/a": "/b",
      "http://site.example/b": "http://other.example/c",
    });
    await fetchTorrent(ports, "http://site.example/a", { who: { may: "add" }, cookies: "key=1" });
    const cookies = ports.asked.map(({ headers }) => headers!["cookie"]);
    assert.deepEqual(cookies, ["key=1", "key=1", undefined]);
  });

  it("may redirect to a magnet link, five times to others, and to nothing else", async () => {
    const magnet = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
    const who = { may: "add" } as const, from = "http://site.example/a";
    assert.equal(await fetchTorrent(web({ [from]: magnet }), from, { who }), magnet);
    const file = web({ [from]: "file:///etc/passwd" });
    await assert.rejects(fetchTorrent(file, from, { who }), RangeError);
    const round = web({ [from]: from });
    await assert.rejects(fetchTorrent(round, from, { who }), { code: "bad-response" });
    assert.equal(round.asked.length, 6);
  });
});
