import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { ApiWorld, hashOf, torrentBytes } from "./api_harness.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

const HASH = "0123456789abcdef0123456789abcdef01234567";
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

describe("torrents of the API", () => {
  it("are added as bytes, Base64, magnet links and URLs, and listed in this order", async () => {
    const api = await ApiWorld.open();
    const server = await api.world.wait(api.node.http.serve({ port: 0 }, ({ url }) => {
      if (new URL(url).pathname === "/t") return new Response(torrentBytes("d") as BodyInit);
      return new Response(null, { status: 302, headers: { location: "/t" } });
    }));
    await api.add("a");
    const sources = [
      { torrent: base64(torrentBytes("b")) },
      { magnet: `magnet:?xt=urn:btih:${HASH}&dn=c` },
      { url: `http://127.0.0.1:${server.port}/moved` },
    ];
    for (const source of sources) {
      const options = { labels: ["x"], maxPeers: 7, limits: { up: 1000, down: null } };
      const { status, body } = await api.ask("POST /torrents", { ...source, options });
      assert.equal(status, 201, JSON.stringify(body));
      assert.equal(body.dir, "/home/Downloads");
    }
    const { body: { torrents } } = await api.ask("GET /torrents");
    const rows: { name: string; labels: string[] }[] = Object.values(torrents);
    assert.deepEqual(rows.map(({ name }) => name), ["a", "b", "c", "d"]);
    assert.deepEqual(rows[1]!.labels, ["x"]);
    await api.world.wait(server.close());
    await api.close();
  });

  it("are refused with a code, a sentence and the path of what is wrong", async () => {
    const api = await ApiWorld.open();
    const refused = async (body: unknown, status: number, code: string, message: RegExp) => {
      const answer = await api.ask("POST /torrents", body);
      const { error } = answer.body;
      assert.deepEqual([answer.status, error.code], [status, code], JSON.stringify(error));
      assert.match(error.message, message);
      return error;
    };
    await refused({}, 400, "bad-request", /one of torrent, magnet and url/);
    await refused({ torrent: "!" }, 400, "bad-request", /Base64/);
    await refused({ torrent: base64(new Uint8Array(50)) }, 400, "bad-bencode", /./);
    await refused({ magnet: "magnet:?x=1" }, 400, "no-hash", /./);
    const wrong = { magnet: HASH, options: { superSeed: 3 } };
    assert.equal(
      (await refused(wrong, 400, "bad-request", /options\.superSeed/)).path,
      "options.superSeed",
    );
    await refused({ magnet: HASH, options: { colour: 1 } }, 400, "bad-request", /colour/);
    await refused(
      { magnet: HASH, options: { limits: { up: -1 } } },
      400,
      "bad-request",
      /limits\.up/,
    );
    await api.add("a");
    await refused({ torrent: base64(torrentBytes("a")) }, 409, "duplicate", /already/);
    const text = await api.ask("POST /torrents", new TextEncoder().encode("{nonsense"));
    assert.deepEqual([text.status, text.body.error.code], [400, "bad-json"]);
    await api.close();
  });

  it("are changed, commanded and removed; PATCH and DELETE may come twice", async () => {
    const api = await ApiWorld.open();
    const infoHash = await api.add("a"), one = `/torrents/${infoHash}`;
    for (let i = 0; i < 2; i++) {
      const { status, body } = await api.ask(`PATCH ${one}`, { labels: ["tv"], maxPeers: 3 });
      assert.deepEqual([status, body.labels], [200, ["tv"]]);
      assert.equal(body.options.maxPeers, 3);
    }
    await api.world.runFor(3000);
    for (let i = 0; i < 2; i++) assert.equal((await api.ask(`POST ${one}/pause`)).status, 204);
    assert.equal((await api.ask(`GET ${one}`)).body.state, "paused");
    assert.equal((await api.ask(`POST ${one}/start`)).status, 204);
    assert.equal((await api.ask(`POST ${one}/reannounce`)).status, 204);
    assert.equal((await api.ask(`POST ${one}/verify`)).status, 202);
    assert.equal((await api.ask(`POST ${one}/stop`)).status, 204);
    assert.equal((await api.ask("POST /queue", { infoHashes: [infoHash], to: "top" })).status, 204);
    assert.equal((await api.ask(`DELETE ${one}`)).status, 200);
    assert.equal(api.client.torrents().length, 0);
    assert.equal((await api.ask(`DELETE ${one}`)).status, 200);
    const gone = await api.ask(`POST ${one}/start`);
    assert.deepEqual([gone.status, gone.body.error.code], [404, "no-such-torrent"]);
    await api.close();
  });

  it("show files, peers, trackers, pieces and the .torrent; files are chosen in part", async () => {
    const api = await ApiWorld.open();
    const infoHash = await api.add("a"), one = `/torrents/${infoHash}`;
    await api.world.runFor(3000);
    const priorities = async () => {
      const { body } = await api.ask(`GET ${one}/files`);
      return body.files.map(({ priority }: { priority: number }) => priority);
    };
    assert.deepEqual(await priorities(), [4, 4]);
    await api.ask(`PATCH ${one}/files`, { priorities: { "1": 0 } });
    assert.deepEqual(await priorities(), [4, 0]);
    await api.ask(`PATCH ${one}/files`, { priorities: { "0": 7 } });
    assert.deepEqual(await priorities(), [7, 0]);
    assert.equal((await api.ask(`PATCH ${one}/files`, { priorities: { "9": 0 } })).status, 400);
    const rename = { path: "a/other.bin" };
    assert.equal((await api.ask(`PUT ${one}/files/0/name`, rename)).status, 204);
    assert.match((await api.ask(`GET ${one}/files`)).body.files[0].path, /other\.bin$/);
    await api.ask(`PATCH ${one}/trackers`, { add: ["http://tracker.example/announce"] });
    const { body: { trackers } } = await api.ask(`GET ${one}/trackers`);
    assert.equal(trackers[0].url, "http://tracker.example/announce");
    assert.deepEqual((await api.ask(`GET ${one}/peers`)).body, { peers: [] });
    const more = (peer: string) => api.ask(`POST ${one}/peers`, { peers: [peer] });
    assert.equal((await more("10.0.0.9:6881")).status, 204);
    assert.equal((await api.ask(`GET ${one}`)).body.peers.known, 1);
    const wrong = await more("10.0.0.9");
    assert.deepEqual([wrong.status, wrong.body.error.code], [400, "bad-request"]);
    assert.deepEqual((await api.ask(`GET ${one}/pieces`)).body, {
      count: 2,
      length: 16384,
      have: "AA==",
    });
    const file = await api.ask(`GET ${one}/torrent`);
    assert.match(file.body, /^d8:announce/);
    assert.match(file.headers["content-disposition"]!, /^attachment/);
    const magnet = await api.ask("POST /torrents", { magnet: HASH });
    const early = await api.ask(`GET /torrents/${magnet.body.infoHash}/files`);
    assert.deepEqual([early.status, early.body.error.code], [409, "not-yet"]);
    await api.close();
  });

  it("go only into folders under the roots, wherever links lead", async () => {
    const api = await ApiWorld.open({
      roots: ["/data"],
      tokens: [{ name: "t", may: "all", hash: hashOf("shoal_x") }],
    });
    api.node.disk.makeFolders("/data/films");
    api.node.disk.makeFolders("/etc");
    api.node.disk.plantLink("/data/escape", "/etc");
    const token = api.withToken("shoal_x");
    const add = async (dir: string, name: string) => {
      const body = { torrent: base64(torrentBytes(name)), options: { dir } };
      const answer = await api.ask("POST /torrents", body, token);
      return answer.status === 201 ? "added" : answer.body.error.code;
    };
    assert.equal(await add("/data/films/new", "a"), "added");
    for (const dir of ["/etc", "/data/escape", "/data/escape/x", "/database"]) {
      assert.equal(await add(dir, "b"), "outside-roots", dir);
    }
    for (const dir of ["films", "/data/../etc"]) {
      assert.equal(await add(dir, "b"), "bad-request", dir);
    }
    const infoHash = Object.keys((await api.ask("GET /torrents")).body.torrents)[0];
    const move = await api.ask(`POST /torrents/${infoHash}/move`, { dir: "/etc" }, token);
    assert.deepEqual([move.status, move.body.error.code], [403, "outside-roots"]);
    const change = await api.ask(`PATCH /torrents/${infoHash}`, { dir: "/etc" }, token);
    assert.equal(change.body.error.code, "outside-roots");
    await api.close();
  });
});
