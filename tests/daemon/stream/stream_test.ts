import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rangeIn } from "../../../src/daemon/stream/byte_range.ts";
import { LINK_SECONDS, Links } from "../../../src/daemon/stream/links.ts";
import type { HttpRequest } from "../../../src/platform/types.ts";
import { makeSimTorrent, type SimTorrent } from "../../harness/sim_swarm.ts";
import { ApiWorld, UNIX } from "../api/api_harness.ts";

const FILM = 100_000, NAMES = ["film.mkv", "film.srt", "page.html"];

/** A daemon with a torrent of which all files, or none, are on its disk. */
async function night(
  isThere = true,
): Promise<{ api: ApiWorld; torrent: SimTorrent; infoHash: string }> {
  const api = await ApiWorld.open(), { node, world, client } = api;
  const torrent = makeSimTorrent(world, [FILM, 50, 60], 16_384, undefined, NAMES);
  if (isThere) {
    node.disk.makeFolders("/home/Downloads/folder");
    for (const { path, content } of torrent.files) {
      await world.wait(node.files.writeWhole(`/home/Downloads/${path.join("/")}`, content));
    }
  }
  const added = client.add(torrent.bytes, {
    dir: "/home/Downloads",
    seedGoal: { kind: "forever" },
  });
  if (isThere) await world.wait(added.finished);
  return { api, torrent, infoHash: added.infoHash };
}

async function get(
  { world, node }: ApiWorld,
  path: string,
  headers: Record<string, string> = {},
  more: Partial<HttpRequest> = {},
) {
  return await world.wait(node.http.request({
    url: `http://127.0.0.1:9091${path}`,
    unix: UNIX,
    headers,
    timeoutMs: 10_000,
    maxBytes: 10_000_000,
    ...more,
  }));
}

describe("ranges", () => {
  it("are read as RFC 9110 has them", () => {
    const cases: readonly [string | null, unknown][] = [
      [null, null],
      ["bytes=0-9", { start: 0, end: 10 }],
      ["bytes=90-", { start: 90, end: 100 }],
      ["bytes=90-1000", { start: 90, end: 100 }],
      ["bytes=-10", { start: 90, end: 100 }],
      ["bytes=-1000", { start: 0, end: 100 }],
      ["bytes=100-", "unsatisfiable"],
      ["bytes=-0", "unsatisfiable"],
      ["bytes=9-2", null],
      ["bytes=0-1,4-5", null],
      ["bytes=-", null],
      ["items=0-9", null],
      ["bytes=99999999999999999999-", null],
    ];
    for (const [header, range] of cases) {
      assert.deepEqual(rangeIn(header, 100), range, header ?? "");
    }
  });
});

describe("files over HTTP", () => {
  it("are sent whole, in part, or as a head alone", async () => {
    const { api, torrent, infoHash } = await night(), path = `/stream/${infoHash}/0/film.mkv`;
    const whole = await get(api, path);
    assert.deepEqual([whole.status, whole.headers["content-type"]], [200, "video/x-matroska"]);
    assert.deepEqual(Buffer.from(whole.body), Buffer.from(torrent.files[0]!.content));
    const part = await get(api, path, { range: "bytes=30000-70000" });
    assert.deepEqual([part.status, part.headers["content-range"]], [
      206,
      `bytes 30000-70000/${FILM}`,
    ]);
    assert.deepEqual(Buffer.from(part.body), Buffer.from(torrent.content.subarray(30_000, 70_001)));
    const head = await get(api, path, {}, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [
      200,
      `${FILM}`,
      0,
    ]);
    const outside = await get(api, path, { range: `bytes=${FILM}-` });
    assert.deepEqual([outside.status, outside.headers["content-range"]], [416, `bytes */${FILM}`]);
    const { etag } = whole.headers, range = "bytes=0-9";
    assert.equal((await get(api, path, { range, "if-range": etag! })).status, 206);
    assert.equal((await get(api, path, { range, "if-range": '"other"' })).status, 200);
    assert.equal((await get(api, path, { "if-none-match": etag! })).status, 304);
    assert.equal((await get(api, `/stream/${infoHash}/9`)).status, 404);
    const type = { "content-type": "application/json" };
    const posted = await get(api, path, type, { method: "POST", body: new Uint8Array() });
    assert.equal(posted.status, 405);
    await api.close();
  });

  it("are never a page of the daemon's", async () => {
    const { api, infoHash } = await night();
    const page = await get(api, `/stream/${infoHash}/2/page.html`);
    assert.equal(page.headers["content-type"], "application/octet-stream");
    assert.match(page.headers["content-disposition"]!, /^attachment; filename="page\.html"/);
    assert.match(page.headers["content-security-policy"]!, /^sandbox/);
    assert.equal(page.headers["x-content-type-options"], "nosniff");
    const saved = await get(api, `/download/${infoHash}/0`);
    assert.match(saved.headers["content-disposition"]!, /^attachment/);
    await api.close();
  });

  it("wait for what is missing while the torrent runs", async () => {
    const { api, torrent, infoHash } = await night(false), { world } = api;
    const film = get(api, `/stream/${infoHash}/0`, {}, { timeoutMs: 600_000 });
    await world.runFor(5000);
    const seed = world.node("10.0.0.7");
    seed.disk.makeFolders("/s/folder");
    for (const { path, content } of torrent.files) {
      await world.wait(seed.files.writeWhole(`/s/${path.join("/")}`, content));
    }
    const { Client } = await import("../../../src/client/client.ts");
    const client = await world.wait(Client.open(seed, { port: 6881, dht: false, lsd: false }));
    client.add(torrent.bytes, { dir: "/s", seedGoal: { kind: "forever" } });
    api.client.addPeers(infoHash, ["10.0.0.7:6881"]);
    const { status, body } = await film;
    assert.equal(status, 200);
    assert.deepEqual(Buffer.from(body), Buffer.from(torrent.files[0]!.content));
    await world.wait(client.close());
    await api.close();
  });

  it("come from the disk when the torrent rests, if they are complete and as they were", async () => {
    const { api, torrent, infoHash } = await night(), { world, node, client } = api;
    await world.wait(client.get(infoHash)!.pause());
    const { body } = await get(api, `/stream/${infoHash}/0`);
    assert.deepEqual(Buffer.from(body), Buffer.from(torrent.files[0]!.content));
    await world.wait(node.files.writeWhole("/home/Downloads/folder/film.mkv", new Uint8Array(9)));
    assert.equal((await get(api, `/stream/${infoHash}/0`)).status, 409);
    await api.close();
    const other = await night(false);
    await other.api.world.wait(other.api.client.get(other.infoHash)!.pause());
    assert.equal((await get(other.api, `/stream/${other.infoHash}/0`)).status, 409);
    await other.api.close();
  });

  it("are in a playlist of signed links, which end and fit one file alone", async () => {
    const { api, torrent, infoHash } = await night();
    const list = await get(api, `/stream/${infoHash}.m3u`);
    const lines = Buffer.from(list.body).toString().trim().split("\n");
    assert.deepEqual([lines[0], lines[1]], ["#EXTM3U", "#EXTINF:-1,film.mkv"]);
    assert.match(
      lines[2]!,
      /^#EXTVLCOPT:input-slave=http:\/\/127\.0\.0\.1:9091\/stream\/link\/.*film\.srt$/,
    );
    const { pathname } = new URL(lines[3]!), byPort = { unix: undefined as unknown as string };
    const film = await get(api, pathname, {}, byPort);
    assert.deepEqual([film.status, film.body.length], [200, torrent.files[0]!.content.length]);
    const other = pathname.replace(/\/0\/film\.mkv$/, "/1/film.srt");
    for (const wrong of [other, pathname.replace(/-[0-9a-f]/, "-x"), "/stream/link/1-0/a/0"]) {
      assert.equal((await get(api, wrong, {}, byPort)).status, 403, wrong);
    }
    await api.close();
  });

  it("have links that end after a day, and outlive a restart", async () => {
    const { api, infoHash } = await night(), { world, node } = api, now = 1_700_000_000;
    const links = await world.wait(Links.open(node, "/state"));
    const seal = links.sign(infoHash, 0, now), again = await world.wait(Links.open(node, "/state"));
    assert.equal(again.isGood(seal, infoHash, 0, now + LINK_SECONDS - 1), true);
    assert.equal(again.isGood(seal, infoHash, 0, now + LINK_SECONDS), false);
    assert.equal(again.isGood(seal, infoHash, 1, now), false);
    assert.equal(again.isGood(seal.replace(/^\d+/, "9999999999"), infoHash, 0, now), false);
    await api.close();
  });

  it("are saved together, whole torrent or folder", async () => {
    const { api, infoHash } = await night();
    for (const kind of ["zip", "tar"]) {
      const { status, headers, body } = await get(api, `/download/${infoHash}.${kind}`);
      assert.deepEqual([status, headers["content-length"]], [200, String(body.length)]);
      assert.match(headers["content-disposition"]!, new RegExp(`filename="folder\\.${kind}"`));
      assert.ok(body.length > FILM);
    }
    assert.equal((await get(api, `/download/${infoHash}.zip?folder=none`)).status, 404);
    await api.close();
  });
});
