import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashOf, torrentBytes } from "../daemon/api/api_harness.ts";
import { RemoteWorld } from "./remote_world.ts";

describe("remote commands", () => {
  it("add torrents, list them and show everything about one", async () => {
    const shoal = await RemoteWorld.open();
    assert.equal(await shoal.says("list"), "The daemon has no torrents\n");
    const added = await shoal.says("add /home/film.torrent /home/book.torrent --label linux");
    assert.match(added, /^Added [0-9a-f]{8} film\nAdded [0-9a-f]{8} book\n$/);
    assert.match(
      await shoal.says("add /home/film.torrent"),
      /^The daemon has \w{8} film already\n$/,
    );
    const list = await shoal.says("list --sort name");
    assert.match(list, /^ID {8}Name {2}State/);
    assert.match(list, /\n\w{8} {2}book [^]*\n\w{8} {2}film .*\n2 torrents, 0 B\/s down/);
    assert.match(await shoal.says("list --label other"), /^No torrent fits$/m);
    const [first] = (await shoal.says("list --json film")).split("\n").map((line) =>
      JSON.parse(line || "0")
    );
    assert.deepEqual([first.name, first.labels], ["film", ["linux"]]);
    await shoal.api.world.runFor(1000);
    const info = await shoal.says(`info ${first.infoHash.slice(0, 6)}`);
    assert.match(info, /^Name: {6}film\nState: .*no peers/);
    assert.match(info, /^Folder: {4}\/home\/Downloads$/m);
    await shoal.close();
  });

  it("stop, start, verify, move and remove torrents", async () => {
    const shoal = await RemoteWorld.open(), { client, node } = shoal.api;
    await shoal.says("add /home/film.torrent /home/book.torrent");
    assert.equal(await shoal.says("stop --all"), "Stopped film\nStopped book\n");
    assert.deepEqual(client.torrents().map((torrent) => torrent.status().state), [
      "paused",
      "paused",
    ]);
    assert.equal(await shoal.says("start book"), "Started book\n");
    await shoal.api.world.runFor(1000);
    const checked = await shoal.run("verify book --wait");
    assert.deepEqual([checked.code, checked.out], [
      1,
      "Checking book\nbook: 32.0 KiB of 32.0 KiB missing\n",
    ]);
    node.disk.makeFolders("/home/Downloads/other");
    const moved = await shoal.says("move book /home/Downloads/other");
    assert.equal(moved, "Moved book to /home/Downloads/other\n");
    assert.equal(client.torrents()[1]!.status().dir, "/home/Downloads/other");
    const refused = await shoal.run("remove --data film");
    assert.deepEqual([refused.code, client.torrents().length], [2, 2]);
    assert.match(refused.err, /confirm with --yes/);
    assert.equal((await shoal.run("remove --data film", { typed: ["n"] })).code, 2);
    assert.match(await shoal.says("remove --data film", { typed: ["y"] }), /Removed film: 0 files/);
    assert.equal(await shoal.says("remove book"), "Removed book\n");
    assert.equal(client.torrents().length, 0);
    await shoal.close();
  });

  it("change files, labels, limits, trackers and the queue", async () => {
    const shoal = await RemoteWorld.open(), { client } = shoal.api;
    await shoal.says("add /home/film.torrent /home/book.torrent");
    const [film] = client.torrents();
    assert.match(
      await shoal.says("files film --skip b* --first 1"),
      /high {6}film\/a\.bin\n.*skipped {3}film\/b\.bin/,
    );
    assert.deepEqual(film!.files()!.map(({ priority }) => priority), [7, 0]);
    await shoal.says("files film --rename 1=c.bin");
    assert.match(film!.files()![0]!.path, /c\.bin$/);
    assert.equal(await shoal.says("label film --add a --add b"), "film: a, b\n");
    assert.equal(await shoal.says("label film --remove a"), "film: b\n");
    assert.equal(await shoal.says("limits film --up 100K"), "film: no limit down, 100 KiB/s up\n");
    assert.equal(await shoal.says("limits film --up none"), "film: no limit down, no limit up\n");
    assert.match(await shoal.says("limits --down 5M"), /together: 5\.00 MiB\/s down, no limit up/);
    assert.match(await shoal.says("limits --alternative on"), /the alternative limits hold now/);
    const url = "http://10.0.0.9/announce";
    assert.match(await shoal.says(`trackers film --add ${url}`), /10\.0\.0\.9/);
    assert.equal(await shoal.says(`trackers film --remove ${url}`), "It has no trackers\n");
    assert.equal(await shoal.says("peers film"), "No peer is connected\n");
    assert.match(await shoal.says("queue top book"), /1 {2}\w{8} {2}book.*\n2 {2}\w{8} {2}film/);
    assert.match(await shoal.says("queue 2 book"), /1 {2}\w{8} {2}film/);
    assert.match(await shoal.says("stats"), /^Torrents: 2 downloading$/m);
    await shoal.close();
  });

  it("reach another daemon with a token that the owner made", async () => {
    const shoal = await RemoteWorld.open({
      listen: "10.0.0.1:9091",
      password: "",
      tokens: [{
        name: "old",
        hash: hashOf("shoal_x"),
        may: "read",
      }],
    });
    const remote = { env: { SHOAL_URL: "http://10.0.0.1:9091", SHOAL_STATE_DIR: "/none" } };
    const nobody = await shoal.run("list", remote);
    assert.deepEqual([nobody.code, nobody.out], [1, ""]);
    assert.match(nobody.err, /wants a token: .*shoal token add NAME/);
    const token = (await shoal.says("token add laptop --may read")).trim();
    const signed = { env: { ...remote.env, SHOAL_TOKEN: token } };
    assert.equal(await shoal.says("list", signed), "The daemon has no torrents\n");
    const tooMuch = await shoal.run("stop --all", signed);
    assert.equal(tooMuch.code, 0, "there is nothing to stop");
    await shoal.says("add /home/film.torrent");
    const refused = await shoal.run("stop --all", signed);
    assert.deepEqual([refused.code, refused.out], [1, ""]);
    assert.match(refused.err, /The token may not do that/);
    assert.match(await shoal.says("token"), /laptop {2}read/);
    await shoal.says("token remove laptop");
    assert.equal((await shoal.run("list", signed)).code, 1);
    await shoal.close();
  });

  it("say what to do if no daemon answers, and which torrent is meant", async () => {
    const shoal = await RemoteWorld.open();
    const none = await shoal.run("list --state-dir /nowhere");
    assert.deepEqual([none.code, none.out], [8, ""]);
    assert.match(
      none.err,
      /No daemon runs with the state folder \/nowhere\. Start one with shoal daemon/,
    );
    const away = await shoal.run("list --url http://10.0.0.99:9091");
    assert.equal(away.code, 8);
    await shoal.says("add /home/film.torrent /home/films.torrent");
    const unknown = await shoal.run("stop nothing");
    assert.deepEqual([unknown.code, unknown.err], [
      1,
      'shoal: No torrent is called "nothing"; shoal list shows all of them\n',
    ]);
    const several = await shoal.run("stop ilm");
    assert.match(several.err, /^shoal: "ilm" fits 2 torrents: \w{8} film, \w{8} films\n$/);
    assert.equal(await shoal.says("stop film"), "Stopped film\n", "a whole name counts more");
    assert.equal((await shoal.run("stop")).code, 2);
    await shoal.close();
  });

  it("fit a narrow terminal, and never print what could control it", async () => {
    const shoal = await RemoteWorld.open(), { node, world } = shoal.api;
    const name = `\x1b[2J${"long ".repeat(30)}`;
    await world.wait(node.files.writeWhole("/home/evil.torrent", torrentBytes(name)));
    await shoal.says("add /home/evil.torrent");
    for (const command of ["list", "queue", "info long", "list --json"]) {
      assert.equal((await shoal.says(command, { columns: 70 })).includes("\x1b"), false);
    }
    const lines = (await shoal.says("list", { columns: 70 })).split("\n");
    for (const line of lines) assert.ok(line.length <= 90, line);
    await shoal.close();
  });
});
