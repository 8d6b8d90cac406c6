/** The calls of programs that manage a daemon, in their order, with what they want to see. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { RpcSession, torrentText } from "./rpc_session.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

const STOPPED = 0, CHECK_WAIT = 1, CHECKING = 2, SEEDING = 6;
const SIZE = 40_000;

async function withData(name: string, config = {}): Promise<RpcSession> {
  const session = await RpcSession.open(1, config);
  session.node.files.makeDir("/data");
  await session.world.wait(session.node.files.writeWhole(`/data/${name}`, new Uint8Array(SIZE)));
  return session;
}

describe("the calls of Sonarr and Radarr", () => {
  const FIELDS = [
    ...[
      "id",
      "hashString",
      "name",
      "downloadDir",
      "totalSize",
      "leftUntilDone",
      "isFinished",
      "eta",
    ],
    ...["status", "secondsDownloading", "secondsSeeding", "errorString", "uploadedEver"],
    ...["downloadedEver", "seedRatioLimit", "seedRatioMode", "seedIdleLimit", "seedIdleMode"],
    ...["fileCount", "file-count", "labels"],
  ];

  it("add, limit, list and remove a torrent that ends at its goal", async () => {
    const session = await withData("show.mkv");
    assert.equal((await session.send("", { id: "", method: "GET" })).status, 409);
    const { arguments: config } = await session.call("session-get");
    assert.match(config.version, /^(?:4\.[0-9.]+)/);
    assert.ok(config["rpc-version"] >= 17);
    const added = await session.call("torrent-add", {
      metainfo: torrentText("show.mkv"),
      paused: false,
      "download-dir": "/data",
      labels: ["tv-sonarr"],
    });
    const { hashString } = added.arguments["torrent-added"];
    const set = { ids: [hashString], seedRatioLimit: 0, seedRatioMode: 1 };
    assert.equal((await session.call("torrent-set", set)).result, "success");
    assert.equal((await session.call("queue-move-top", { ids: [hashString] })).result, "success");
    await session.world.runFor(30_000);
    const [torrent] = await session.get(FIELDS);
    assert.equal(torrent.name, "show.mkv");
    assert.deepEqual(
      [torrent.status, torrent.isFinished, torrent.leftUntilDone, torrent.errorString],
      [STOPPED, true, 0, ""],
      "it can be imported and removed",
    );
    assert.deepEqual([torrent.labels, torrent["file-count"]], [["tv-sonarr"], 1]);
    assert.equal("fileCount" in torrent, false, "a field that we lack is left out");
    await session.call("torrent-set", { ids: [hashString], labels: ["imported"] });
    await session.call("torrent-remove", { ids: [hashString], "delete-local-data": true });
    assert.deepEqual(await session.get(FIELDS), []);
    await session.world.runFor(10_000);
    assert.equal(session.node.files.stat("/data/show.mkv"), null);
    await session.close();
  });
});

describe("the calls of cross-seed", () => {
  const FIELDS = [
    "status",
    "leftUntilDone",
    "percentDone",
    "totalSize",
    "trackers",
    "files",
    "labels",
  ];

  it("add data that is there paused: it is checked, and stays stopped", async () => {
    const session = await withData("film.mkv");
    await session.call("torrent-add", {
      metainfo: torrentText("film.mkv"),
      "download-dir": "/data",
      paused: true,
      labels: ["cross-seed"],
    });
    const [early] = await session.get(FIELDS);
    assert.ok([CHECK_WAIT, CHECKING].includes(early.status), "it waits while the check runs");
    await session.world.runFor(10_000);
    const [checked] = await session.get(FIELDS);
    assert.deepEqual([checked.status, checked.leftUntilDone, checked.percentDone], [STOPPED, 0, 1]);
    await session.call("torrent-set", { ids: 1, seedRatioMode: 2 });
    await session.call("torrent-start", { ids: 1 });
    await session.world.runFor(10_000);
    assert.equal((await session.get(FIELDS))[0].status, SEEDING);
    await session.close();
  });

  const SEEDS = { torrents: { dir: "/data", seedGoal: { kind: "forever" } } };

  async function stopped(): Promise<RpcSession> {
    const session = await withData("film.mkv", SEEDS);
    await session.call("torrent-add", { metainfo: torrentText("film.mkv") });
    await session.world.runFor(10_000);
    assert.equal((await session.get(FIELDS))[0].status, SEEDING);
    await session.call("torrent-stop", { ids: [1] });
    await session.world.runFor(10_000);
    return session;
  }

  it("stop and verify a torrent: it ends stopped, and knows what is gone", async () => {
    const session = await stopped();
    session.node.files.remove("/data/film.mkv");
    await session.call("torrent-verify", { ids: [1] });
    assert.ok([CHECK_WAIT, CHECKING].includes((await session.get(FIELDS))[0].status));
    await session.world.runFor(10_000);
    const [verified] = await session.get(FIELDS);
    assert.deepEqual([verified.status, verified.leftUntilDone], [STOPPED, SIZE]);
    await session.close();
  });

  it("verify a file that the user changed: it is left alone, and the error says so", async () => {
    const session = await stopped();
    const damaged = new Uint8Array(SIZE).fill(1, 0, 100);
    await session.world.wait(session.node.files.writeWhole("/data/film.mkv", damaged));
    await session.call("torrent-verify", { ids: [1] });
    await session.world.runFor(10_000);
    const [verified] = await session.get(["status", "error", "errorString"]);
    assert.deepEqual([verified.status, verified.error], [STOPPED, 3]);
    assert.match(verified.errorString, /was changed after the download/);
    await session.close();
  });
});

describe("the calls of autobrr", () => {
  it("send a tag of 63 bits, add, limit and look at trackers again and again", async () => {
    const session = await RpcSession.open();
    let tag = 9_007_199_254_740_993n;
    const call = async (method: string, args?: object) => {
      const text = JSON.stringify({ method, arguments: args });
      const reply = await session.send(text.replace(/}$/, `,"tag":${++tag}}`));
      assert.ok(reply.text.endsWith(`"tag":${tag}}`), reply.text.slice(-60));
      return reply.body;
    };
    const { arguments: config } = await call("session-get");
    assert.ok(config["rpc-version-minimum"] <= 17);
    const added = (await call("torrent-add", { metainfo: torrentText("race"), paused: true }))
      .arguments["torrent-added"];
    const again = (await call("torrent-add", { metainfo: torrentText("race") }))
      .arguments["torrent-duplicate"];
    assert.deepEqual(again, added);
    const limits = { uploadLimit: 5000, uploadLimited: true, labels: ["race"], seedIdleMode: 1 };
    assert.equal((await call("torrent-set", { ids: [added.id], ...limits })).result, "success");
    await call("torrent-start", { ids: [added.id] });
    await session.world.runFor(7000);
    assert.equal((await call("torrent-reannounce", { ids: [added.id] })).result, "success");
    const fields = ["id", "hashString", "status", "trackerStats"];
    const { torrents: [torrent] } =
      (await call("torrent-get", { fields, ids: [added.id] })).arguments;
    const [tracker] = torrent.trackerStats;
    assert.equal(typeof tracker.lastAnnounceResult, "string");
    assert.equal(tracker.isBackup, false);
    assert.ok(Number.isInteger(tracker.seederCount) && Number.isInteger(tracker.leecherCount));
    assert.equal((await call("torrent-remove", { ids: [added.id] })).result, "success");
    await session.close();
  });
});

describe("the calls of Homepage", () => {
  it("sum up all torrents", async () => {
    const session = await RpcSession.open();
    await session.call("torrent-add", { metainfo: torrentText("a") });
    const fields = ["percentDone", "status", "rateDownload", "rateUpload"];
    assert.deepEqual(await session.get(fields), [
      { percentDone: 0, status: CHECKING, rateDownload: 0, rateUpload: 0 },
    ]);
    await session.close();
  });
});
