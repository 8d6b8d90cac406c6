/** Percent, sizes and last words are of the files that were chosen. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { torrentBlock } from "../../src/cli/render/block.ts";
import { progressText } from "../../src/cli/render/line_reporter.ts";
import { Notes } from "../../src/cli/render/notes.ts";
import { addedEvent, snapshotOf } from "./fakes.ts";
import { ended, start } from "./fake_run.ts";
import { newFolder, removeFolders } from "./run_shoal.ts";

after(removeFolders);

const MIB = 1024 * 1024;
/** 30 of 150 MiB are wanted; 29 are there, and 5 of the others beside. */
const PART = { size: 150 * MIB, wanted: 30 * MIB, have: 34 * MIB, left: MIB };

function torrentPath(): string {
  const path = join(newFolder(), "film.torrent");
  writeFileSync(path, "not read by the fake client");
  return path;
}

describe("figures of chosen files", () => {
  it("are those of the live block and of a line", () => {
    const torrent = snapshotOf(PART), glyphs = { unicode: false };
    const block = torrentBlock(torrent, 120, glyphs).map((line) =>
      line.map(({ text }) => text).join("")
    );
    assert.match(block[1]!, /96\.6% {2}29\.0 MiB of 30\.0 MiB/);
    assert.match(progressText(torrent), /: 96\.6%, 29\.0 MiB of 30\.0 MiB,/);
    assert.match(progressText({ ...torrent, left: 0 }), /: 100%, 30\.0 MiB of 30\.0 MiB,/);
  });

  it("are those of the notes", () => {
    const notes = new Notes(true), infoHash = "aa".repeat(20);
    const added = { ...addedEvent(infoHash, "film", 150 * MIB), ...PART, files: 5, wantedFiles: 2 };
    assert.equal(notes.about(added), "film: 30.0 MiB in 2 of 5 files, 10 pieces");
    const checked = { infoHash, type: "checked", ...PART } as const;
    assert.equal(notes.about(checked), "film: 29.0 MiB of 30.0 MiB already on disk");
    assert.equal(notes.about({ ...checked, left: 0 }), "film: all 30.0 MiB already on disk");
    assert.equal(notes.about({ ...checked, left: 30 * MIB }), null);
  });

  it("a warning before the torrent has begun does not begin with its info-hash", () => {
    const notes = new Notes(true), infoHash = "aa".repeat(20);
    const warning = { infoHash, type: "warning", message: '"film" was in /old' } as const;
    assert.equal(notes.about(warning), 'warning: "film" was in /old');
    notes.about(addedEvent(infoHash, "film", 150 * MIB));
    assert.equal(notes.about(warning), 'film: warning: "film" was in /old');
  });

  it("are those of the summary", async () => {
    for (
      const [downloaded, said] of [
        [0, "the chosen files (30.0 MiB of 150 MiB) already on disk, verified"],
        [31 * MIB, "done, 30.0 MiB, verified"],
      ] as const
    ) {
      const run = await start([torrentPath(), "--files", "1"]);
      const [torrent] = run.world.client.added;
      torrent!.set(PART);
      torrent!.finish();
      torrent!.set({ ...PART, left: 0, downloaded });
      assert.equal(await ended(run), 0);
      assert.ok(run.world.process.printed.includes(`big.bin: ${said}`), run.world.process.printed);
    }
    const run = await start([torrentPath(), "--files", "1"]);
    run.world.client.added[0]!.set(PART);
    run.world.process.interrupt();
    assert.equal(await ended(run), 130);
    assert.match(run.world.process.printed, /stopped at 96\.6%; run the same command again/);
  });
});
