/** The events of the API over real sockets, at a time that the test controls. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { it } from "node:test";
import { Live } from "../../../src/daemon/api/live.ts";
import { selectPlatform } from "../../../src/platform/select.ts";
import { Prng } from "../../harness/prng.ts";
import { FakeClock } from "../../tracker/tracker_fakes.ts";
import { FakeClient } from "./fake_client.ts";

const STUCK = 10, TORRENTS = 300, NAME_LENGTH = 2000;
/** Of one frame: every torrent has a new name. */
const FRAME = TORRENTS * NAME_LENGTH;
/** What the kernel may take for a reader that never reads, and more than the frames that may wait. */
const MOST_TICKS = 64 + 10e6 / FRAME + 10;

it("readers that never read are dropped, take no memory each, and hold up no others", async () => {
  const client = new FakeClient(0), clock = new FakeClock();
  const rename = (tick: number) => {
    for (let at = 0; at < TORRENTS; at++) {
      client.add(at, { name: `${tick} `.padEnd(NAME_LENGTH, "n") });
    }
  };
  rename(0);
  const live = new Live({ clock, random: new Prng(1), client });
  const server = await selectPlatform().http.serve({ port: 0 }, (request) => live.answer(request));
  const stuck = Array.from({ length: STUCK }, () => open(server.port).pause());
  const reader = new Frames(open(server.port));
  await reader.has(1);
  while (live.readers < STUCK + 1) await turn();
  const before = process.memoryUsage().rss;
  let ticks = 0;
  for (; live.readers > 1 && ticks < MOST_TICKS; ticks++) {
    rename(ticks + 1);
    await clock.pass(1);
    await reader.has(ticks + 2);
  }
  assert.equal(live.readers, 1, `after ${ticks} ticks`);
  assert.ok(ticks > 64, `${ticks} ticks: they had the chance to read`);
  const growth = process.memoryUsage().rss - before;
  // If each had frames of its own, ten readers would take 384 MB.
  assert.ok(growth < 250e6, `${growth / 1e6} MB more`);
  const ends = stuck.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const socket of stuck) socket.resume();
  await Promise.all(ends);
  live.close();
  await server.close();
});

function open(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  return socket;
}

/** Counts the events that arrive. */
class Frames {
  #count = 0;
  #end = "";
  #heard = () => {};

  constructor(socket: Socket) {
    socket.on("data", (part) => {
      const text = this.#end + part.toString("latin1");
      this.#count += text.split("\nevent: ").length - 1;
      this.#end = text.slice(-7);
      this.#heard();
    });
  }

  async has(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => this.#heard = resolve);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
