/** A folder of a torrent that another program replaces by a symbolic link during the download. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { DIR, fileErrorWith, simulate, TestTorrent } from "./storage_harness.ts";

const PIECE = 16 * 1024;
/** Each piece is a file of its own. */
const FILES = 6;

function setUp(openFiles: number) {
  const sketch = Array.from({ length: FILES }, (_, i) => [`top/s/${i}.bin`, PIECE] as const);
  const torrent = new TestTorrent(PIECE, sketch);
  const machine = simulate(torrent, { openFiles });
  machine.storage.files.makeFolders();
  machine.disk.makeFolders("/outside");
  return {
    ...machine,
    torrent,
    write: (i: number) => machine.storage.data.writePiece(i, torrent.piece(i)),
  };
}

describe("a folder that becomes a symbolic link during the download", () => {
  for (const replaced of [`${DIR}/top/s`, `${DIR}/top`]) {
    it(`is not written through (${replaced})`, async () => {
      const { disk, write } = setUp(128);
      for (const piece of [0, 1, 2]) await write(piece);
      disk.makeFolders("/outside/s");
      disk.move(replaced, `${replaced}.real`);
      disk.plantLink(replaced, "/outside");
      for (const piece of [3, 4, 5]) {
        assert.throws(() => write(piece), fileErrorWith("symlink", replaced, "through links"));
      }
      assert.deepEqual(disk.names("/outside"), ["s"]);
      assert.deepEqual(disk.names("/outside/s"), []);
    });
  }

  it("is not written through by a file that is opened again", async () => {
    const { disk, write, torrent } = setUp(1);
    for (const piece of [0, 1]) await write(piece);
    disk.move(`${DIR}/top/s`, `${DIR}/real`);
    disk.put("/outside/0.bin", torrent.piece(1).slice());
    disk.plantLink(`${DIR}/top/s`, "/outside");
    assert.throws(() => write(0), fileErrorWith("symlink", `${DIR}/top/s`));
    assert.deepEqual(disk.entry("/outside/0.bin")?.kind, "file");
  });
});
