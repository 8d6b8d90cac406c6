import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { RpcSession, torrentText } from "./rpc_session.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

describe("JSON-RPC 2.0", () => {
  async function ask(session: RpcSession, method: string, params?: object) {
    const text = JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 });
    return (await session.send(text)).body;
  }

  it("has the same methods, with all names in snake case", async () => {
    const session = await RpcSession.open();
    const metainfo = torrentText("multi", { "a.bin": 9, "b.bin": 9 });
    const added = await ask(session, "torrent_add", {
      metainfo,
      download_dir: "/more",
      paused: true,
    });
    assert.deepEqual(Object.keys(added.result.torrent_added), ["hash_string", "id", "name"]);
    const fields = [
      "download_dir",
      "wanted",
      "file_stats",
      "total_size",
      "is_finished",
      "peer_limit",
    ];
    assert.deepEqual(await ask(session, "torrent_get", { fields, ids: 1 }), {
      id: 1,
      jsonrpc: "2.0",
      result: {
        torrents: [{
          download_dir: "/more",
          wanted: [true, true],
          file_stats: Array(2).fill({ bytes_completed: 0, priority: 0, wanted: true }),
          total_size: 18,
          is_finished: false,
          peer_limit: 25,
        }],
      },
    });
    const recent = await ask(session, "torrent_get", { fields: ["id"], ids: "recently_active" });
    assert.deepEqual(recent.result, { removed: [], torrents: [{ id: 1 }] });
    await session.close();
  });

  it("shows and changes the settings of the session", async () => {
    const session = await RpcSession.open();
    const changes = { speed_limit_down: 70, speed_limit_down_enabled: true, seed_queue_size: 4 };
    assert.deepEqual((await ask(session, "session_set", changes)).result, {});
    const { result } = await ask(session, "session_get");
    assert.deepEqual({ ...result, ...changes }, result);
    assert.deepEqual([result.encryption, result.cache_size_mib], ["allowed", 32]);
    assert.match(result.rpc_version_semver, /^6\./);
    assert.deepEqual((await ask(session, "session_get", { fields: ["utp_enabled"] })).result, {
      utp_enabled: false,
    });
    await session.close();
  });

  it("answers batches in order, and notifications not at all", async () => {
    const session = await RpcSession.open();
    const tag = "9223372036854775807";
    const stats = `{"jsonrpc":"2.0","method":"session_stats","id":${tag}}`;
    const silent = '{"jsonrpc":"2.0","method":"session_set","params":{"speed_limit_up":7}}';
    const { text, body } = await session.send(`[${stats},${silent},{"method":"session-get"}]`);
    assert.ok(text.startsWith(`[{"id":${tag},`), text);
    assert.deepEqual([body.length, body[1].error.code, body[1].id], [2, -32600, null]);
    const { status, text: nothing } = await session.send(silent);
    assert.deepEqual([status, nothing], [204, ""]);
    const shown = await ask(session, "session_get", { fields: ["speed_limit_up"] });
    assert.equal(shown.result.speed_limit_up, 7);
    await session.close();
  });

  it("gives errors their numbers", async () => {
    const session = await RpcSession.open();
    await ask(session, "torrent_add", { metainfo: torrentText("a"), paused: true });
    const code = async (method: string, params: object) => {
      return (await ask(session, method, params)).error.code;
    };
    assert.equal(await code("nonsense", {}), -32601);
    assert.equal(await code("torrent_get", {}), -32602);
    assert.equal(await code("torrent_set", { ids: 1, tracker_add: ["x"] }), 1);
    assert.equal(await code("torrent_set", { ids: 1, tracker_list: "x" }), 2);
    assert.equal(await code("torrent_set_location", { ids: 1, location: "x" }), 3);
    assert.equal(await code("torrent_set", { ids: 1, files_wanted: [9] }), 6);
    assert.equal(await code("torrent_add", { filename: "http://10.0.0.9:1/x" }), 8);
    assert.equal(await code("torrent_add", { metainfo: "x" }), 9);
    assert.equal(await code("blocklist_update", {}), 10);
    const space = await ask(session, "free_space", { path: "/data/none" });
    assert.deepEqual([space.error.code, space.error.data.result.size_bytes], [5, -1]);
    const old = await session.send('{"jsonrpc":"1.0","method":"session_get","id":"a"}');
    assert.deepEqual([old.body.error.code, old.body.id], [-32600, "a"]);
    await session.close();
  });
});
