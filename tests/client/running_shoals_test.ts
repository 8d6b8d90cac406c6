import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RunningShoals } from "../../src/client/running_shoals.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimWorld } from "../harness/sim/world.ts";

const A = { infoHash: "a".repeat(40), name: "A" }, B = { infoHash: "b".repeat(40), name: "B" };

/** Two processes of one machine; the first one's number is 11. */
function twoProcesses(filesOf: (infoHash: string, dir: string) => string[] | null = () => null) {
  const world = new SimWorld(1);
  const first = world.node("10.0.0.1"), second = world.node("10.0.0.2", { disk: first.disk });
  first.disk.makeFolders("/state");
  return { world, first, second, one: open(first, 11), two: open(second, 12) };

  function open({ files, clock, random }: SimNode, pid: number): RunningShoals {
    return new RunningShoals("/state/running", {
      files,
      clock,
      pid,
      nonce: random.fill(new Uint8Array(8)),
      filesOf: (infoHash, dir) => Promise.resolve(filesOf(infoHash, dir)),
    });
  }
}

function place(...paths: string[]) {
  return { dirs: ["/d"], paths };
}

describe("RunningShoals", () => {
  it("assigns a torrent to one process at a time", async () => {
    const { world, one, two } = twoProcesses();
    assert.equal(await world.wait(one.claimTorrent(A)), null);
    assert.equal(await world.wait(one.claimTorrent(A)), null, "once more for itself");
    assert.deepEqual(await world.wait(two.claimTorrent(A)), { name: "A", process: 11 });
    assert.equal(await world.wait(two.claimTorrent(B)), null);
    one.release(A.infoHash);
    assert.equal(await world.wait(two.claimTorrent(A)), null);
    assert.deepEqual(await world.wait(one.claimTorrent(B)), { name: "B", process: 12 });
  });

  it("forgets a process that died, and removes its files", async () => {
    const { world, first, one, two } = twoProcesses();
    await world.wait(one.claimTorrent(A));
    await world.wait(one.claimPaths(A, place("/d/x"), ["/d/x"]));
    first.kill("quietly");
    assert.equal(await world.wait(two.claimTorrent(A)), null);
    assert.equal(await world.wait(two.claimPaths(B, place("/d/x"), ["/d/x"])), null);
    const left = first.disk.names("/state/running").filter((name) => name.startsWith("11-"));
    assert.deepEqual(left, []);
  });

  it("leaves only the common lock when it is closed", async () => {
    const { world, first, one } = twoProcesses();
    await world.wait(one.claimTorrent(A));
    one.close();
    assert.deepEqual(first.disk.names("/state/running"), ["all.lock"]);
  });

  it("names the path that another process has", async () => {
    const { world, one, two } = twoProcesses(() => null);
    assert.equal(await world.wait(one.claimPaths(A, place("/d/x"), ["/d/x"])), null);
    assert.deepEqual(await world.wait(two.claimPaths(B, place("/d/x"), ["/d/x"])), {
      path: "/d/x",
      owner: { name: "A", process: 11 },
    });
    assert.equal(await world.wait(two.claimPaths(B, place("/d/x"), [])), null, "only read");
    assert.equal(await world.wait(two.claimPaths(B, place("/d/xy"), ["/d/xy"])), null);
  });

  it("allows two torrents to have different files in one folder", async () => {
    const { world, one, two } = twoProcesses((_, dir) => [`${dir}/s/1`, `${dir}/s/2`]);
    const paths = ["/d/s/1", "/d/s/2"];
    assert.equal(await world.wait(one.claimPaths(A, place(...paths), paths)), null);
    const conflict = await world.wait(two.claimPaths(B, place("/d/s/2", "/d/s/3"), ["/d/s/2"]));
    assert.equal(conflict?.path, "/d/s/2");
    assert.equal(await world.wait(two.claimPaths(B, place("/d/s/3"), ["/d/s/3"])), null);
  });

  it("takes any path in a folder as theirs where the other's files are not known", async () => {
    const { world, one, two } = twoProcesses();
    await world.wait(one.claimPaths(A, place("/d/s/1"), ["/d/s/1"]));
    const conflict = await world.wait(two.claimPaths(B, place("/d/s/9"), ["/d/s/9"]));
    assert.equal(conflict?.owner.process, 11);
  });

  it("reads the lists of others as untrusted input: invalid lines are left out", async () => {
    const { world, first, one, two } = twoProcesses();
    await world.wait(one.claimTorrent(A));
    const list = first.disk.names("/state/running").find((name) => name.endsWith(".list"))!;
    const torn = new TextEncoder().encode('{"infoHash":"xyz"}\nnull\n[]\n{"infoHash":');
    const path = `/state/running/${list}`;
    first.disk.tamper(path, torn, first.disk.bytes(path)!.length, 0);
    assert.equal((await world.wait(two.claimTorrent(A)))?.process, 11);
  });

  it("looks once at the lists of others for all claims that come together", async () => {
    const { world, first, one, two } = twoProcesses();
    await world.wait(two.claimTorrent(B));
    await world.wait(one.claimTorrent(A));
    let locks = 0;
    const lock = first.files.lock.bind(first.files);
    first.files.lock = (path) => {
      if (path.endsWith("/all.lock")) locks++;
      return lock(path);
    };
    const many = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(40, "0"));
    const claims = [B.infoHash, ...many].map((infoHash) =>
      one.claimTorrent({ infoHash, name: "" })
    );
    const [refused, ...granted] = await world.wait(Promise.all(claims));
    assert.deepEqual(refused, { name: "B", process: 12 });
    assert.ok(granted.every((owner) => owner === null));
    assert.equal(locks, 1);
  });

  it("refuses what still waits when it is closed, and leaves nothing", async () => {
    const { world, first, one } = twoProcesses();
    await world.wait(one.claimTorrent(A));
    const late = assert.rejects(one.claimTorrent(B), { code: "closed" });
    one.close();
    await world.wait(late);
    world.run(1000);
    assert.deepEqual(first.disk.names("/state/running"), ["all.lock"]);
  });
});
