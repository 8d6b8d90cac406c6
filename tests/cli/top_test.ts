import assert from "node:assert/strict";
import { describe, it } from "node:test";
// Loaded by the command when it is needed, which takes real time: before the simulated clock runs.
import "../../src/cli/top/top.ts";
import { keysIn } from "../../src/cli/top/keys.ts";
import {
  FIRST_STATE,
  inSight,
  pressed,
  rowsOf,
  type Step,
  type TopState,
} from "../../src/cli/top/state.ts";
import { pageOf, screenOf } from "../../src/cli/top/view.ts";
import { paintLine } from "../../src/cli/render/line.ts";
import { widthOf } from "../../src/cli/render/text.ts";
import type { RemoteTorrent } from "../../src/cli/remote/torrents.ts";
import { FakeProcess } from "./fakes.ts";
import { RemoteWorld } from "./remote_world.ts";

function row(name: string, changes: Partial<RemoteTorrent> = {}): RemoteTorrent {
  return {
    infoHash: Buffer.from(name.padEnd(20)).toString("hex"),
    name,
    state: "downloading",
    labels: [],
    dir: "/d",
    size: 1000,
    wanted: 1000,
    have: 500,
    left: 500,
    downloaded: 500,
    uploaded: 250,
    downRate: 2048,
    upRate: 0,
    etaSeconds: 60,
    checked: null,
    connected: 3,
    seeds: 1,
    known: 9,
    addedAt: 1,
    completedAt: null,
    queuePosition: 0,
    goalReached: false,
    heldBackBy: "nothing",
    error: null,
    tracker: "",
    trackerError: null,
    ...changes,
  };
}

const ROWS = ["alpha", "beta", "gamma", "delta"].map((name, i) => row(name, { addedAt: i }));

function press(state: TopState, keys: string, rows = ROWS): Step {
  let step: Step = { state };
  for (const key of keysIn(keys)) step = pressed(step.state, key, rows, 2);
  return step;
}

function nameOf({ selected }: TopState): string | undefined {
  return ROWS.find(({ infoHash }) => infoHash === selected)?.name;
}

describe("keys", () => {
  it("are read one by one, however they arrive", () => {
    assert.deepEqual(keysIn("\x1b[A\x1bOBj\x1b[5~\r\x03\x1b"), [
      "up",
      "down",
      { character: "j" },
      "page-up",
      "enter",
      "interrupt",
      "escape",
    ]);
    assert.deepEqual(keysIn("é🎬\x01\x1b[19~"), [{ character: "é" }, { character: "🎬" }]);
  });
});

describe("the live list", () => {
  it("moves the selection within the list", () => {
    assert.equal(nameOf(press(FIRST_STATE, "jj").state), "gamma");
    assert.equal(nameOf(press(FIRST_STATE, "jjjjjjj").state), "delta");
    assert.equal(nameOf(press(FIRST_STATE, "Gk").state), "gamma");
    assert.equal(nameOf(press(FIRST_STATE, "\x1b[6~\x1b[A").state), "beta");
    const scrolled = inSight(press(FIRST_STATE, "G").state, ROWS, 2);
    assert.equal(scrolled.offset, 2);
    assert.equal(
      nameOf(inSight(scrolled, ROWS.slice(0, 2), 2)),
      "alpha",
      "the selected one is gone",
    );
  });

  it("sorts and filters", () => {
    const byName = press(FIRST_STATE, "s").state;
    assert.deepEqual(rowsOf(ROWS, byName).map(({ name }) => name), [
      "alpha",
      "beta",
      "delta",
      "gamma",
    ]);
    const reversed = press(byName, "r").state;
    assert.equal(rowsOf(ROWS, reversed)[0]!.name, "gamma");
    const typing = press(FIRST_STATE, "/lx\x7f").state;
    assert.deepEqual([typing.filter, typing.isTyping], ["l", true]);
    assert.deepEqual(rowsOf(ROWS, typing).map(({ name }) => name), ["alpha", "delta"]);
    assert.equal(press(typing, "q").ends, undefined, "q is a letter of the filter");
    assert.equal(press(typing, "\r\x1b").state.filter, "");
  });

  it("starts, stops, and removes only after a question", () => {
    assert.deepEqual(press(FIRST_STATE, " ").command?.command, { type: "pause" });
    const paused = [row("alpha", { state: "paused" })];
    assert.deepEqual(press(FIRST_STATE, " ", paused).command?.command, { type: "start" });
    const asked = press(FIRST_STATE, "d");
    assert.equal(asked.command, undefined);
    assert.match(asked.state.question!.text, /Remove alpha\?/);
    assert.equal(press(asked.state, "n").command, undefined);
    assert.deepEqual(press(asked.state, "y").command?.command, { type: "remove", data: false });
    assert.deepEqual(press(asked.state, "D").command?.command, { type: "remove", data: true });
    assert.equal(press(FIRST_STATE, "q").ends, true);
    assert.equal(press(asked.state, "\x03").ends, true);
  });

  it("fits every size, whatever the names are", () => {
    const rows = [...ROWS, row(`\x1b[2J${"漢".repeat(80)}`), row("x".repeat(10_000))];
    for (const [columns, lines] of [[20, 1], [20, 5], [61, 10], [101, 40], [200, 3]] as const) {
      for (const keys of ["", "?", "\r", "/l", "d"]) {
        const size = { columns, rows: lines }, { state } = press(FIRST_STATE, keys);
        const seen = inSight(state, rows, pageOf(size, state));
        const session = { torrents: 6, downRate: 1, upRate: 2, port: 1 };
        const detail = ["x".repeat(300), "y"];
        const shown = screenOf({ state: seen, rows, session, detail, isConnected: false }, size);
        assert.equal(shown.length, lines);
        for (const line of shown) {
          const text = paintLine(line, columns, false);
          assert.ok(widthOf(text) <= columns && !text.includes("\x1b"), text);
        }
      }
    }
  });

  it("looks like this", () => {
    const rows = [
      row("debian-13.iso", { labels: ["linux"] }),
      row("film", { state: "paused", left: 0, downRate: 0, etaSeconds: null }),
      row("stuck", { heldBackBy: "no-peers", downRate: 0, etaSeconds: null, connected: 0 }),
    ];
    const size = { columns: 100, rows: 7 },
      session = { torrents: 3, downRate: 2048, upRate: 0, port: 1 };
    const state = inSight(FIRST_STATE, rows, pageOf(size, FIRST_STATE));
    const lines = screenOf({ state, rows, session, detail: [], isConnected: true }, size);
    assert.deepEqual(lines.map((line) => paintLine(line, 100, false).trimEnd()), [
      "shoal  3 torrents  2.00 KiB/s down  0 B/s up  by added",
      "  Name           State         Done        Down  Up    Size        Left  Ratio  Peers",
      "> debian-13.iso  downloading  50.0%  2.00 KiB/s   -  1000 B  1 min 00 s   0.25      3",
      "  film           paused        100%           -   -  1000 B           -   0.25      3",
      "  stuck          no peers     50.0%           -   -  1000 B           -   0.25      0",
      "",
      "Enter details  space start/stop  d remove  s sort  / filter  ? help  q quit",
    ]);
  });
});

/** The screen, as the terminal shows it now. */
function screenIn(printed: string): string {
  const rows: string[] = [];
  // deno-lint-ignore no-control-regex
  for (const [, row, text] of printed.matchAll(/\x1b\[(\d+);1H([^\x1b]*)\x1b\[K/g)) {
    rows[Number(row) - 1] = text!;
  }
  return rows.join("\n");
}

describe("shoal top", () => {
  it("shows the daemon's torrents live, controls them and leaves the terminal as it was", async () => {
    const shoal = await RemoteWorld.open(), { api: { world, client } } = shoal;
    await shoal.says("add /home/film.torrent");
    await world.runFor(2000);
    await shoal.says("add /home/book.torrent");
    const process = new FakeProcess(["top"], { SHOAL_STATE_DIR: "/state" });
    process.size = { columns: 90, rows: 20, color: false };
    const ended = shoal.start(process),
      sees = (what: RegExp) => () => what.test(screenIn(process.printed));
    await world.run(sees(/> film .*\n {2}book /));
    assert.equal(process.isRaw, true);
    process.press(" ");
    await world.run(sees(/> film +paused/));
    assert.equal(client.torrents()[0]!.status().state, "paused");
    process.press("j\r");
    await world.run(sees(/\[overview\][^]*Name: +book/));
    process.press("\t");
    await world.run(sees(/\[files\][^]*book\/a\.bin/));
    await shoal.says("remove film");
    await world.run(sees(/1 torrent [^]*> book/));
    process.press("q");
    process.press("q");
    await world.wait(ended);
    assert.deepEqual([process.code, process.isRaw, process.errors], [0, false, ""]);
    assert.ok(process.printed.startsWith("\x1b[?1049h") && process.printed.endsWith("\x1b[?1049l"));
    await shoal.close();
  });

  it("waits for a daemon that is away, and ends by a signal", async () => {
    const shoal = await RemoteWorld.open(), { api: { world } } = shoal;
    await shoal.says("add /home/film.torrent");
    const process = new FakeProcess(["top"], { SHOAL_STATE_DIR: "/state" });
    process.size = { columns: 100, rows: 20, color: false };
    const ended = shoal.start(process);
    await world.run(() => /> film/.test(screenIn(process.printed)));
    await shoal.close();
    await world.run(() => /does not answer; trying again/.test(screenIn(process.printed)));
    process.interrupt();
    await world.wait(ended);
    assert.equal(process.isRaw, false);
  });

  it("outlives nonsense from the daemon, and leaves the terminal as it was after a bug", async () => {
    const shoal = await RemoteWorld.open(), { api: { world, node } } = shoal;
    await shoal.says("add /home/film.torrent");
    const UTF8 = new TextEncoder();
    let isBroken = true;
    const frame = () =>
      isBroken ? "event: delta\ndata: {broken\n\n" : "event: snapshot\ndata: " +
        '{"torrents":{},"session":{"torrents":0,"downRate":0,"upRate":0,"port":1}}\n\n';
    const server = await world.wait(node.http.serve({ port: 99 }, () => {
      const body = new ReadableStream({ start: (each) => each.enqueue(UTF8.encode(frame())) });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    }));
    const process = new FakeProcess(["top", "--url", "http://127.0.0.1:99"]);
    process.size = { columns: 100, rows: 20, color: false };
    const ended = shoal.start(process);
    await world.run(() => /trying again/.test(screenIn(process.printed)));
    isBroken = false;
    await world.run(() =>
      /0 torrents +0 B\/s down/.test(screenIn(process.printed)) &&
      !/trying again/.test(screenIn(process.printed))
    );
    process.size = null as never; // a bug: the screen has no size
    Object.defineProperty(process, "terminal", {
      value: () => {
        throw new TypeError("a bug");
      },
    });
    process.press("j");
    await world.wait(ended);
    assert.deepEqual([process.code, process.isRaw], [1, false]);
    assert.ok(process.printed.endsWith("\x1b[?1049l"));
    assert.match(process.errors, /Unexpected error: TypeError: a bug/);
    await world.wait(server.close());
    await shoal.close();
  });

  it("refuses what is no terminal", async () => {
    const shoal = await RemoteWorld.open();
    const { code, err } = await shoal.run("top");
    assert.equal(code, 2);
    assert.match(err, /This is no terminal: use shoal list/);
    await shoal.close();
  });
});
