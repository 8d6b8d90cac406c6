import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { Client } from "../../../src/client/client.ts";
import { Torrent } from "../../../src/torrent/torrent.ts";
import { ApiWorld, hashOf } from "./api_harness.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

const tokens = (["read", "add", "all"] as const).map((may) => {
  return { name: may, may, hash: hashOf(`shoal_${may}`) };
});

describe("the API of the daemon itself", () => {
  it("shows client, figures, log and folders", async () => {
    const api = await ApiWorld.open();
    const { body: client } = await api.ask("GET /client");
    assert.equal(client.port, api.client.port);
    assert.match(client.version, /^\d+\.\d+\.\d+/);
    const { body: stats } = await api.ask("GET /stats");
    assert.deepEqual(stats.pieces, { started: 0, completed: 0, failed: 0, retried: 0 });
    assert.deepEqual(stats.disk.errors, {});
    const { body: { lines } } = await api.ask("GET /log");
    assert.ok(lines.some(({ message }: { message: string }) => message === "The API listens"));
    assert.deepEqual((await api.ask("GET /folders")).body.folders, ["/home/Downloads"]);
    api.node.disk.makeFolders("/home/Downloads/tv");
    const { body: below } = await api.ask("GET /folders?path=/home/Downloads");
    assert.deepEqual(below.folders, ["/home/Downloads/tv"]);
    assert.ok("freeBytes" in below);
    await api.close();
  });

  it("changes settings here and in the file, and shows no secret", async () => {
    const api = await ApiWorld.open({ tokens });
    const valueOf = async (name: string) => {
      const { body: { settings } } = await api.ask("GET /settings");
      return settings.find((each: { name: string }) => each.name === name);
    };
    assert.equal((await api.ask("PATCH /settings", { limits: { up: 5000 } })).status, 200);
    assert.deepEqual((await valueOf("limits")).value, { down: null, up: 5000 });
    assert.equal((await valueOf("limits")).source, "file");
    assert.equal((await valueOf("tokens")).value, "***");
    const wrong = await api.ask("PATCH /settings", { maxConections: 3 });
    assert.equal(wrong.status, 400);
    assert.match(wrong.body.error.message, /maxConnections/);
    await api.close();
  });

  it("leaves what would give away the machine to its owner", async () => {
    const api = await ApiWorld.open({ tokens });
    const token = api.withToken("shoal_all");
    const code = async (patch: object) =>
      (await api.ask("PATCH /settings", patch, token)).body.error?.code;
    assert.equal(await code({ hooks: { done: [{ argv: ["/bin/sh"] }] } }), "owner-only");
    assert.equal(await code({ roots: ["/"] }), "owner-only");
    assert.equal(await code({ "torrents.dir": "/etc" }), "outside-roots");
    assert.equal(await code({ labels: { tv: { dir: "/etc" } } }), "outside-roots");
    assert.equal(await code({ maxConnections: 100 }), undefined);
    assert.equal((await api.ask("PATCH /settings", { roots: ["/home"] })).status, 200, "the owner");
    await api.close();
  });

  it("lets tokens do what they may, and no more", async () => {
    const api = await ApiWorld.open({ tokens, password: "scrypt$15$00$00" });
    const status = async (what: string, token: string) =>
      (await api.ask(what, {}, api.withToken(`shoal_${token}`))).status;
    assert.equal(await status("GET /torrents", "read"), 200);
    assert.equal(await status("POST /torrents", "read"), 403);
    assert.equal(await status("POST /torrents", "add"), 400);
    assert.equal(await status("POST /queue", "add"), 403);
    assert.equal(await status("GET /settings", "add"), 403);
    assert.equal(await status("GET /settings", "all"), 200);
    assert.equal(await status("GET /torrents", "other"), 401);
    const none = { ...api.withToken(""), headers: {} };
    for (const what of ["GET /torrents", "GET /openapi.json", "GET /events", "POST /shutdown"]) {
      assert.equal((await api.ask(what, {}, none)).status, 401, what);
    }
    await api.close();
  });

  it("makes and removes tokens; only their hash is in the file", async () => {
    const api = await ApiWorld.open();
    const made = await api.ask("POST /tokens", { name: "phone", may: "read" });
    assert.equal(made.status, 201);
    const { token } = made.body;
    const file = await api.world.wait(api.node.files.read("/home/config.jsonc", 1e6));
    const text = new TextDecoder().decode(file);
    assert.ok(text.includes(hashOf(token)) && !text.includes(token));
    assert.equal((await api.ask("GET /torrents", {}, api.withToken(token))).status, 200);
    assert.deepEqual((await api.ask("GET /tokens")).body.tokens, [{ name: "phone", may: "read" }]);
    assert.equal((await api.ask("POST /tokens", { name: "phone", may: "all" })).status, 409);
    for (let i = 0; i < 2; i++) assert.equal((await api.ask("DELETE /tokens/phone")).status, 204);
    assert.deepEqual((await api.ask("GET /tokens")).body.tokens, []);
    assert.equal((await api.ask("GET /torrents", {}, api.withToken(token))).status, 401);
    await api.close();
  });

  it("signs browsers in and out", async () => {
    const api = await ApiWorld.open();
    const { hashPassword } = await import("../../../src/daemon/http/password.ts");
    const password = await api.world.wait(hashPassword(api.node, "secret"));
    await api.world.wait(api.settings.update({ password }));
    const direct = { unix: undefined as unknown as string };
    const login = (password: string) => api.ask("POST /login", { user: "shoal", password }, direct);
    assert.equal((await login("wrong")).status, 401);
    const { status, headers } = await login("secret");
    assert.equal(status, 204);
    const cookie = headers["set-cookie"]!.split(";")[0]!;
    const ask = (what: string) => api.ask(what, {}, { ...direct, headers: { cookie } });
    assert.equal((await ask("GET /torrents")).status, 200);
    assert.equal((await ask("DELETE /login")).status, 204);
    assert.equal((await ask("GET /torrents")).status, 401);
    await api.close();
  });

  it("ends when it is told to", async () => {
    const api = await ApiWorld.open();
    assert.equal((await api.ask("POST /shutdown")).status, 202);
    await api.world.wait(api.daemon.endAsked);
    await api.close();
  });

  it("answers wrong paths and methods with what would be right", async () => {
    const api = await ApiWorld.open();
    assert.equal((await api.ask("GET /nothing")).status, 404);
    const wrong = await api.ask("PUT /torrents");
    assert.deepEqual([wrong.status, wrong.headers["allow"]], [405, "GET, POST"]);
    await api.close();
  });
});

/** What a user of the library can do, and the route for it; null: nothing for another process. */
const ABILITIES: Record<string, string | null> = {
  "Client.add": "post /torrents",
  "Client.addPeers": "post /torrents/{infoHash}/peers",
  "Client.alternativeOn": "get /client",
  "Client.close": "post /shutdown",
  "Client.dht": null,
  "Client.events": "get /events",
  "Client.externalAddresses": "get /client",
  "Client.figures": "get /stats",
  "Client.get": "get /torrents/{infoHash}",
  "Client.port": "get /client",
  "Client.queue": "post /queue",
  "Client.remove": "delete /torrents/{infoHash}",
  "Client.restore": null,
  "Client.torrents": "get /torrents",
  "Client.update": "patch /settings",
  "Client.warnings": "get /client",
  "Torrent.ended": "get /events",
  "Torrent.events": "get /events",
  "Torrent.files": "get /torrents/{infoHash}/files",
  "Torrent.finished": "get /events",
  "Torrent.magnet": "get /torrents/{infoHash}",
  "Torrent.metainfo": "get /torrents/{infoHash}/torrent",
  "Torrent.move": "post /torrents/{infoHash}/move",
  "Torrent.options": "get /torrents/{infoHash}",
  "Torrent.pause": "post /torrents/{infoHash}/pause",
  "Torrent.peers": "get /torrents/{infoHash}/peers",
  "Torrent.pieces": "get /torrents/{infoHash}/pieces",
  "Torrent.ready": "get /events",
  "Torrent.reannounce": "post /torrents/{infoHash}/reannounce",
  "Torrent.recheck": "post /torrents/{infoHash}/verify",
  "Torrent.rename": "put /torrents/{infoHash}/files/{index}/name",
  "Torrent.snapshot": "get /torrents/{infoHash}",
  "Torrent.start": "post /torrents/{infoHash}/start",
  "Torrent.status": "get /torrents/{infoHash}",
  "Torrent.stillness": null,
  "Torrent.stop": "post /torrents/{infoHash}/stop",
  "Torrent.torrentFile": "get /torrents/{infoHash}/torrent",
  "Torrent.trackers": "get /torrents/{infoHash}/trackers",
  "Torrent.update": "patch /torrents/{infoHash}",
};

/** Inherited ones too. */
function membersOf(prototype: object): string[] {
  if (prototype === Object.prototype) return [];
  const own = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
  return [...own, ...membersOf(Object.getPrototypeOf(prototype))];
}

describe("openapi.json", () => {
  it("has every ability of clients and torrents", async () => {
    const api = await ApiWorld.open();
    const { body: { paths } } = await api.ask("GET /openapi.json");
    const abilities = [["Client", Client], ["Torrent", Torrent]] as const;
    const names = abilities.flatMap(([name, { prototype }]) => {
      return membersOf(prototype).map((member) => `${name}.${member}`);
    }).sort();
    assert.deepEqual(names, Object.keys(ABILITIES).sort());
    for (const [ability, where] of Object.entries(ABILITIES)) {
      if (where === null) continue;
      const [method, path] = where.split(" ") as [string, string];
      assert.ok(paths[`/api/v1${path}`]?.[method], `${ability}: ${where}`);
    }
    await api.close();
  });

  it("describes bodies with the allowed values, and every answer", async () => {
    const api = await ApiWorld.open();
    const { body: { paths, components } } = await api.ask("GET /openapi.json");
    const { post } = paths["/api/v1/torrents"];
    const { schema } = post.requestBody.content["application/json"];
    assert.match(schema.properties.options.properties.seedGoal.description, /seed goal/);
    assert.equal(schema.properties.options.properties.superSeed.type, "boolean");
    assert.ok(post.requestBody.content["application/x-bittorrent"]);
    assert.ok(components.schemas.Error);
    const operations = Object.values<Record<string, { operationId: string }>>(paths)
      .flatMap((path) => Object.values(path));
    const ids = operations.map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    await api.close();
  });
});
