import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { RpcSession, torrentText } from "./rpc_session.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

const MULTI = { "a.bin": 70_000, "sub/b.bin": 20_000, "sub/c.txt": 50 };
const MAGNET = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=some+name";

describe("the Transmission RPC over HTTP", () => {
  it("answers 409 with the session id in header and body, also to a GET, then 405 and 200", async () => {
    const session = await RpcSession.open();
    for (const method of ["GET", "POST", "HEAD"]) {
      const request = new Request("http://x/transmission/rpc", { method });
      const response = await session.rpc.handle(request, { may: "all" });
      assert.equal(response.status, 409);
      assert.equal(response.headers.get("x-transmission-session-id"), session.id);
      assert.match(session.id, /^\w{48}$/);
    }
    assert.match(
      (await session.send("", { id: "wrong" })).text,
      new RegExp(`Session-Id: ${session.id}`),
    );
    assert.equal((await session.send("", { method: "GET" })).status, 405);
    assert.equal((await session.send("")).status, 200);
    await session.close();
  });

  it("changes the session id after an hour", async () => {
    const session = await RpcSession.open();
    await session.world.runFor(3_600_000);
    const refused = await session.send("{}");
    assert.equal(refused.status, 409);
    assert.notEqual(refused.text.match(/Session-Id: (\w+)/)![1], session.id);
    await session.close();
  });

  it("answers 200 to what is no request", async () => {
    const session = await RpcSession.open();
    for (const body of ["", "no JSON", "{}", '"text"', '{"method":7}']) {
      assert.equal((await session.send(body)).text, '{"arguments":{},"result":"no method name"}');
    }
    const { text } = await session.send('{"method":"session-stats","arguments":21,"tag":"a"}');
    assert.match(text, /^\{"arguments":\{"activeTorrentCount":0,.*"result":"success"\}$/);
    await session.close();
  });

  it("returns a tag of 63 bits digit for digit", async () => {
    const session = await RpcSession.open();
    const tag = "9223372036854775807";
    const { text } = await session.send(`{"method":"session-stats", "tag" : ${tag}}`);
    assert.ok(text.endsWith(`"result":"success","tag":${tag}}`), text);
    const failed = await session.send(`{"tag":${tag},"method":"torrent-get"}`);
    assert.equal(
      failed.text,
      `{"arguments":{"torrents":[]},"result":"no fields specified","tag":${tag}}`,
    );
    await session.close();
  });

  it("lets a token that may read or add do no more", async () => {
    const session = await RpcSession.open();
    const stop = JSON.stringify({ method: "torrent-stop" });
    const add = JSON.stringify({ method: "torrent-add", arguments: { filename: MAGNET } });
    const refused = async (body: string, may: "read" | "add") => {
      return (await session.send(body, { may })).body.result;
    };
    assert.match(await refused(stop, "read"), /does not allow torrent-stop/);
    assert.match(await refused(stop, "add"), /does not allow torrent-stop/);
    assert.match(await refused(add, "read"), /does not allow torrent-add/);
    assert.equal(await refused(add, "add"), "success");
    assert.equal(await refused('{"method":"session-get"}', "read"), "success");
    await session.close();
  });
});

describe("torrent-add", () => {
  it("adds bytes and magnet links, and names a torrent that is there already", async () => {
    const session = await RpcSession.open(), metainfo = torrentText("single.bin");
    const { arguments: { "torrent-added": added } } = await session.call("torrent-add", {
      metainfo,
    });
    assert.deepEqual([added.id, added.name], [1, "single.bin"]);
    const again = await session.call("torrent-add", { metainfo, paused: 1 });
    assert.deepEqual(again, { arguments: { "torrent-duplicate": added }, result: "success" });
    const magnet = await session.call("torrent-add", { filename: MAGNET });
    assert.equal(magnet.arguments["torrent-added"].id, 2);
    const bare = await session.call("torrent-add", { filename: "f".repeat(40) });
    assert.equal(bare.arguments["torrent-added"].hashString, "f".repeat(40));
    await session.close();
  });

  it("fetches a URL, but not from this machine for a token that may only add", async () => {
    const session = await RpcSession.open();
    let asked = 0;
    const serving = session.node.http.serve({ port: 0 }, ({ url }) => {
      asked++;
      const location = new URL(url).pathname === "/moved" ? "/magnet" : MAGNET;
      return new Response(null, { status: 302, headers: { location } });
    });
    const { port, close } = await session.world.wait(serving);
    const filename = `http://127.0.0.1:${port}/moved`;
    const body = JSON.stringify({ method: "torrent-add", arguments: { filename } });
    const { body: { result } } = await session.send(body, { may: "add" });
    assert.match(result, /^Couldn't fetch torrent: .* machine of the daemon/);
    assert.equal(asked, 0);
    assert.equal((await session.send(body, { may: "all" })).body.result, "success");
    assert.equal(asked, 2);
    assert.equal((await session.get(["magnetLink"])).length, 1);
    await session.world.wait(close());
    await session.close();
  });

  it("follows links before it reads a .torrent file, also links that lead nowhere", async () => {
    const session = await RpcSession.open(), { disk } = session.node;
    disk.makeFolders("/data");
    disk.plantLink("/data/dangling", "/etc/later");
    const answer = await session.call("torrent-add", {
      metainfo: torrentText("a"),
      "download-dir": "/data/dangling/x",
    });
    assert.match(answer.result, /setting roots/);
    await session.close();
  });

  it("says what is wrong in Transmission's words", async () => {
    const session = await RpcSession.open();
    const result = async (args: object) => (await session.call("torrent-add", args)).result;
    const metainfo = torrentText("a");
    assert.equal(await result({}), "no filename or metainfo specified");
    assert.equal(await result({ metainfo: "???" }), "invalid or corrupt torrent file");
    assert.equal(await result({ metainfo: btoa("junk") }), "invalid or corrupt torrent file");
    assert.equal(
      await result({ filename: "/data/none.torrent" }),
      "invalid or corrupt torrent file",
    );
    assert.equal(
      await result({ metainfo, "download-dir": "data" }),
      "download directory path is not absolute",
    );
    assert.match(await result({ metainfo, "download-dir": "/etc" }), /setting roots/);
    assert.match(await result({ metainfo, "download-dir": "/data/../etc" }), /setting roots/);
    assert.equal(await result({ metainfo, labels: [""] }), "labels cannot be empty");
    assert.match(await result({ filename: "http://10.0.0.9:1/a" }), /^Couldn't fetch torrent: /);
    assert.deepEqual(await session.get(["id"]), []);
    await session.close();
  });

  it("takes folder, labels, priority, limits of peers and choice of files", async () => {
    const session = await RpcSession.open();
    await session.call("torrent-add", {
      metainfo: torrentText("multi", MULTI),
      "download-dir": "/more/multi",
      paused: true,
      labels: ["tv"],
      bandwidthPriority: 1,
      "peer-limit": 9,
      "files-unwanted": [1],
      "priority-high": [0],
    });
    const fields = [
      "downloadDir",
      "labels",
      "bandwidthPriority",
      "peer-limit",
      "wanted",
      "priorities",
    ];
    assert.deepEqual(await session.get(fields), [{
      downloadDir: "/more/multi",
      labels: ["tv"],
      bandwidthPriority: 1,
      "peer-limit": 9,
      wanted: [1, 0, 1],
      priorities: [1, 0, 0],
    }]);
    await session.close();
  });
});

describe("torrent-get", () => {
  async function two(): Promise<RpcSession> {
    const session = await RpcSession.open();
    await session.call("torrent-add", { metainfo: torrentText("single.bin"), paused: true });
    await session.call("torrent-add", { metainfo: torrentText("multi", MULTI), paused: true });
    return session;
  }

  it("reads ids in all their forms", async () => {
    const session = await two();
    const [{ hashString }] = await session.get(["hashString"], 1);
    const ids = async (given: unknown) => (await session.get(["id"], given)).map(({ id }) => id);
    assert.deepEqual(await ids(undefined), [1, 2]);
    assert.deepEqual(await ids(2), [2]);
    assert.deepEqual(await ids(1.5), [1]);
    assert.deepEqual(await ids([2, hashString.toUpperCase(), 99]), [1, 2]);
    assert.deepEqual(await ids(hashString), [1]);
    assert.deepEqual(await ids("recently-active"), [1, 2]);
    for (const none of [[], null, "1", {}, "x", 99]) assert.deepEqual(await ids(none), []);
    await session.close();
  });

  it("tells for a minute which torrents changed or were removed", async () => {
    const session = await two();
    await session.world.runFor(61_000);
    const recent = async () => {
      const { arguments: answer } = await session.call("torrent-get", {
        fields: ["id"],
        ids: "recently-active",
      });
      return [answer.torrents.map(({ id }: { id: number }) => id), answer.removed];
    };
    await recent();
    await session.world.runFor(61_000);
    assert.deepEqual(await recent(), [[], []]);
    await session.call("torrent-set", { ids: 2, labels: ["x"] });
    await session.call("torrent-remove", { ids: 1 });
    assert.deepEqual(await recent(), [[2], [1]]);
    await session.world.runFor(61_000);
    assert.deepEqual(await recent(), [[], []]);
    const { arguments: added } = await session.call("torrent-add", {
      metainfo: torrentText("single.bin"),
    });
    assert.equal(added["torrent-added"].id, 3, "no id is used twice");
    await session.close();
  });

  it("leaves fields out that it does not have, and writes tables", async () => {
    const session = await two();
    assert.deepEqual(await session.get(["id", "announceUrl", "id"], 1), [{ id: 1 }]);
    const { arguments: table } = await session.call("torrent-get", {
      fields: ["id", "name", "labels", "wanted", "nope"],
      format: "table",
    });
    assert.deepEqual(table.torrents, [
      ["id", "name", "labels", "wanted"],
      [1, "single.bin", [], [1]],
      [2, "multi", [], [1, 1, 1]],
    ]);
    await session.close();
  });

  it("keeps text of a torrent that is still, and follows what changes it", async () => {
    const session = await RpcSession.open(1, {
      torrents: { dir: "/data", seedGoal: { kind: "forever" } },
    });
    session.node.files.makeDir("/data");
    await session.world.wait(session.node.files.writeWhole("/data/a", new Uint8Array(40_000)));
    await session.call("torrent-add", { metainfo: torrentText("a") });
    await session.world.runFor(10_000);
    const [torrent] = session.daemon.client.torrents();
    const fields = ["status", "labels", "secondsSeeding", "errorString", "uploadLimited"];
    const [before] = await session.get(fields);
    const { stillness } = torrent!;
    assert.equal(typeof stillness, "number", "nothing of it is at work");
    await session.world.runFor(20_000);
    const [later] = await session.get(fields);
    assert.equal(torrent!.stillness, stillness);
    assert.deepEqual(later, { ...before, secondsSeeding: before.secondsSeeding + 20 });
    await session.world.wait(torrent!.update({ labels: ["b"], limits: { up: 5000 } }));
    const [changed] = await session.get(fields);
    assert.deepEqual(changed, { ...later, labels: ["b"], uploadLimited: true });
    await session.world.wait(torrent!.pause());
    await session.world.runFor(200_000);
    assert.equal((await session.get(fields))[0].status, 0);
    await session.close();
  });

  it("describes a torrent of several files", async () => {
    const session = await two();
    const fields = ["files", "comment", "pieceCount", "pieceSize", "totalSize", "pieces"];
    assert.deepEqual(await session.get(fields, 2), [{
      files: [
        { bytesCompleted: 0, length: 70_000, name: "multi/a.bin" },
        { bytesCompleted: 0, length: 20_000, name: "multi/sub/b.bin" },
        { bytesCompleted: 0, length: 50, name: "multi/sub/c.txt" },
      ],
      comment: "a comment",
      pieceCount: 3,
      pieceSize: 32_768,
      totalSize: 90_050,
      pieces: "AA==",
    }]);
    await session.close();
  });
});

describe("torrent-set", () => {
  async function one(): Promise<RpcSession> {
    const session = await RpcSession.open();
    await session.call("torrent-add", { metainfo: torrentText("multi", MULTI), paused: true });
    return session;
  }

  it("changes limits, and remembers the number of one that is off", async () => {
    const session = await one();
    const fields = ["downloadLimit", "downloadLimited", "uploadLimit", "uploadLimited"];
    await session.call("torrent-set", { ids: 1, downloadLimit: 976.56, downloadLimited: 1 });
    await session.call("torrent-set", { ids: 1, uploadLimit: 50, uploadLimited: "false" });
    const limits = {
      downloadLimit: 976,
      downloadLimited: true,
      uploadLimit: 50,
      uploadLimited: false,
    };
    assert.deepEqual(await session.get(fields), [limits]);
    assert.deepEqual(session.daemon.client.torrents()[0]!.options.limits, {
      down: 976_000,
      up: Infinity,
    });
    await session.call("torrent-set", { ids: 1, downloadLimited: false, uploadLimited: true });
    assert.deepEqual(await session.get(fields), [
      { ...limits, downloadLimited: false, uploadLimited: true },
    ]);
    await session.close();
  });

  it("keeps ratio and idle goals apart", async () => {
    const session = await RpcSession.open(1, {
      torrents: { dir: "/data", seedGoal: { kind: "ratio", ratio: 3 } },
    });
    await session.call("torrent-add", { metainfo: torrentText("a"), paused: true });
    const fields = ["seedRatioMode", "seedRatioLimit", "seedIdleMode", "seedIdleLimit"];
    const goal = () => session.daemon.client.torrents()[0]!.options.seedGoal;
    const change = (args: object) => session.call("torrent-set", { ids: 1, ...args });
    assert.deepEqual(await session.get(fields), [
      { seedRatioMode: 0, seedRatioLimit: 3, seedIdleMode: 0, seedIdleLimit: 30 },
    ]);
    await change({ seedRatioLimit: 1.5, seedRatioMode: 1, seedIdleLimit: 60, seedIdleMode: 1 });
    assert.deepEqual(await session.get(fields), [
      { seedRatioMode: 1, seedRatioLimit: 1.5, seedIdleMode: 1, seedIdleLimit: 60 },
    ]);
    assert.deepEqual(goal(), {
      kind: "any",
      goals: [{ kind: "ratio", ratio: 1.5 }, { kind: "idle", seconds: 3600 }],
    });
    await change({ seedRatioMode: 2, seedIdleMode: 2 });
    assert.deepEqual(goal(), { kind: "forever" });
    await change({ seedRatioMode: 0 });
    assert.deepEqual(goal(), { kind: "ratio", ratio: 3 });
    await session.call("session-set", { seedRatioLimit: 4 });
    assert.deepEqual(goal(), { kind: "ratio", ratio: 4 }, "it has the goal of all torrents");
    await session.close();
  });

  it("chooses files, where an empty list means all", async () => {
    const session = await one();
    const change = (args: object) => session.call("torrent-set", { ids: 1, ...args });
    const chosen = async () => {
      const [{ wanted, priorities }] = await session.get(["wanted", "priorities"]);
      return [wanted, priorities];
    };
    await change({ "files-unwanted": [] });
    assert.deepEqual(await chosen(), [[0, 0, 0], [0, 0, 0]]);
    await change({ "files-wanted": [0, 2], "priority-low": [2], "priority-high": [0] });
    assert.deepEqual(await chosen(), [[1, 0, 1], [1, 0, -1]]);
    await change({ "files-wanted": [], "priority-normal": [] });
    assert.deepEqual(await chosen(), [[1, 1, 1], [0, 0, 0]]);
    assert.equal((await change({ "files-wanted": [99] })).result, "file index out of range");
    await session.close();
  });

  it("changes trackers by ids that stay, and refuses changes without an effect", async () => {
    const session = await one();
    const change = async (args: object) =>
      (await session.call("torrent-set", { ids: 1, ...args })).result;
    const trackers = async () => {
      const [torrent] = await session.get(["trackers"]);
      return torrent.trackers.map((
        { id, announce }: { id: number; announce: string },
      ) => [id, announce]);
    };
    const [first, second] = ["http://10.99.0.1:6969/announce", "udp://10.99.0.2:6969/announce"];
    assert.deepEqual(await trackers(), [[0, first]]);
    assert.equal(await change({ trackerAdd: [second] }), "success");
    assert.deepEqual((await trackers()).toSorted(), [[0, first], [1, second]]);
    assert.equal(await change({ trackerAdd: [second] }), "invalid argument");
    assert.equal(await change({ trackerRemove: [77] }), "invalid argument");
    assert.equal(await change({ trackerRemove: [0] }), "success");
    assert.deepEqual(await trackers(), [[1, second]]);
    assert.equal(await change({ trackerReplace: [1, first] }), "success");
    assert.deepEqual(await trackers(), [[0, first]]);
    assert.equal(await change({ trackerList: "nonsense" }), "Invalid tracker list");
    assert.equal(await change({ trackerList: `${first}\n\n${second}` }), "success");
    assert.equal((await trackers()).length, 2);
    await session.close();
  });

  it("refuses labels that Transmission refuses", async () => {
    const session = await one();
    const change = async (labels: string[]) => {
      return (await session.call("torrent-set", { ids: 1, labels })).result;
    };
    assert.equal(await change(["a", ""]), "labels cannot be empty");
    assert.equal(await change(["a,b"]), "labels cannot contain comma (,) character");
    assert.equal(await change(["a", "a"]), "labels cannot contain duplicates");
    assert.equal(await change(["linux", "iso"]), "success");
    assert.deepEqual(await session.get(["labels"]), [{ labels: ["linux", "iso"] }]);
    await session.close();
  });
});

describe("other methods", () => {
  it("keep all settings of session-set, and show them in session-get", async () => {
    const session = await RpcSession.open();
    const changes = {
      "speed-limit-down": 200,
      "speed-limit-down-enabled": true,
      "speed-limit-up": 30,
      "alt-speed-down": 10,
      "alt-speed-up": 5,
      "alt-speed-time-begin": 570,
      "alt-speed-time-end": 1050,
      "alt-speed-time-day": 62,
      "alt-speed-time-enabled": true,
      seedRatioLimit: 2,
      seedRatioLimited: true,
      "idle-seeding-limit": 12,
      "idle-seeding-limit-enabled": true,
      "download-queue-size": 3,
      "download-queue-enabled": true,
      "queue-stalled-minutes": 7,
      "peer-limit-global": 150,
      "peer-limit-per-torrent": 20,
      "download-dir": "/data/new",
      "incomplete-dir": "/data/part",
      "incomplete-dir-enabled": true,
      "dht-enabled": false,
      "lpd-enabled": false,
      "pex-enabled": false,
      "start-added-torrents": false,
    };
    assert.equal((await session.call("session-set", changes)).result, "success");
    const shown = (await session.call("session-get")).arguments;
    for (const [name, value] of Object.entries(changes)) assert.deepEqual(shown[name], value, name);
    const { limits, alternative, torrents } = session.settings.present;
    assert.deepEqual(limits, { down: 200_000, up: Infinity });
    assert.deepEqual(alternative!.schedule, [{
      days: [1, 2, 3, 4, 5],
      from: "09:30",
      to: "17:30",
    }]);
    assert.equal(torrents.incompleteDir, "/data/part");
    await session.call("session-set", { "speed-limit-down-enabled": false, "blocklist-size": 9 });
    const after = (await session.call("session-get", {
      fields: ["speed-limit-down", "speed-limit-down-enabled", "blocklist-size", "nope"],
    })).arguments;
    assert.deepEqual(after, {
      "speed-limit-down": 200,
      "speed-limit-down-enabled": false,
      "blocklist-size": 0,
    });
    const refused = await session.call("session-set", { "download-dir": "relative" });
    assert.equal(refused.result, "download directory path is not absolute");
    await session.close();
  });

  it("rename folders with the files in them", async () => {
    const session = await RpcSession.open();
    await session.call("torrent-add", { metainfo: torrentText("multi", MULTI) });
    await session.world.runFor(5000);
    const rename = (path: string, name: string) => {
      return session.call("torrent-rename-path", { ids: [1], path, name });
    };
    assert.deepEqual(await rename("multi/sub", "sub2"), {
      arguments: { id: 1, path: "multi/sub", name: "sub2" },
      result: "success",
    });
    const [{ files }] = await session.get(["files"]);
    const names = files.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ["multi/a.bin", "multi/sub2/b.bin", "multi/sub2/c.txt"]);
    assert.equal((await rename("multi/zzz", "q")).result, "Invalid argument");
    assert.equal((await rename("multi/a.bin", "../x")).result, "Invalid argument");
    const { result } = await session.call("torrent-rename-path", { path: "a", name: "b", ids: [] });
    assert.equal(result, "torrent-rename-path requires 1 torrent");
    await session.close();
  });

  it("tell free space, order the queue and end the daemon", async () => {
    const session = await RpcSession.open();
    for (const name of ["a", "b", "c"]) {
      await session.call("torrent-add", { metainfo: torrentText(name), paused: true });
    }
    await session.call("queue-move-top", { ids: [3] });
    await session.call("queue-move-bottom", { ids: 1 });
    const positions = (await session.get(["queuePosition"])).map((each) => each.queuePosition);
    assert.deepEqual(positions, [2, 1, 0]);
    const space = async (path: string) => await session.call("free-space", { path });
    assert.equal((await space("data")).result, "directory path is not absolute");
    assert.equal((await space("/data/none")).result, "No such file or directory");
    session.node.files.makeDir("/data");
    assert.ok((await space("/data")).arguments["size-bytes"] > 0);
    assert.equal(session.ends, 0);
    assert.equal((await session.call("session-close")).result, "success");
    assert.equal(session.ends, 1);
    await session.close();
  });
});
