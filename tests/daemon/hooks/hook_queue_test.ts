import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HookFacts } from "../../../src/daemon/hooks/hook_facts.ts";
import { HookQueue } from "../../../src/daemon/hooks/hook_queue.ts";
import { DaemonLog } from "../../../src/daemon/log.ts";
import { SimWorld } from "../../harness/sim/world.ts";

function factsOf(number: number): HookFacts {
  const about = { name: `${number}`, dir: "/", labels: [], trackers: [], priority: 0 };
  const bytes = { size: 0, downloaded: 0, uploaded: 0 };
  return { event: "done", infoHash: String(number).padStart(40, "0"), ...about, ...bytes, time: 0 };
}

describe("the queue of hooks", () => {
  it("runs four at a time, refuses what has no room, and says when there is room", async () => {
    const world = new SimWorld("queue"), node = world.node("10.0.0.1");
    const { clock, http, programs, process } = node;
    let most = 0, rooms = 0;
    node.programs.install("/hook", () => {
      most = Math.max(most, node.programs.running);
      return { afterMs: 100 };
    });
    const log = new DaemonLog(node, () => ({ logLevel: "error", logFormat: "text" }));
    const hasRoom = () => rooms++;
    const queue = new HookQueue({ clock, http, programs, process, log, hasRoom });
    const done: number[] = [], hook = { argv: ["/hook"] };
    const add = (number: number) =>
      queue.add({ hook, facts: factsOf(number), done: () => done.push(number) });
    const all = Array.from({ length: 1100 }, (_, number) => number);
    assert.deepEqual(all.filter((number) => !add(number)), all.slice(1000));
    assert.ok(add(7), "it has this one");
    await world.runFor(1000);
    assert.ok(done.length > 30 && rooms === 0, `${done.length} in a second`);
    await world.runFor(30_000);
    assert.deepEqual(done, all.slice(0, 1000));
    assert.ok(rooms > 0);
    assert.equal(most, 4);
    await world.wait(queue.close());
    assert.equal(add(2000), false);
  });
});
