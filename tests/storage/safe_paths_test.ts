import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SimWorld } from "../harness/sim/world.ts";
import type { Files } from "../../src/platform/types.ts";
import { SafePaths } from "../../src/storage/safe_paths.ts";
import { FileError } from "../../src/util/errors.ts";
import { InvariantError } from "../../src/util/assert.ts";
import { fileErrorWith, NotingFiles } from "./storage_harness.ts";

function setUp(dir = "downloads") {
  const node = new SimWorld(1).node("10.0.0.1");
  const files = new NotingFiles(node.files);
  return { disk: node.disk, files, paths: new SafePaths(files, dir) };
}

describe("SafePaths.join", () => {
  it("puts elements below the folder", () => {
    assert.equal(setUp().paths.join(["a", "b c"]), "/home/downloads/a/b c");
    assert.equal(setUp("/").paths.join(["a"]), "/a");
    assert.equal(setUp("/x/").paths.join(["..a", "b.."]), "/x/..a/b..");
    assert.equal(setUp().paths.join(["..\\b"]), "/home/downloads/..\\b", "a letter like any other");
  });

  const hostile = [[], [""], ["."], [".."], ["a", "..", "b"], ["a/b"], ["/etc"], ["a\0"]];
  for (const elements of hostile) {
    it(`refuses ${JSON.stringify(elements)}`, () => {
      assert.throws(() => setUp().paths.join(elements), InvariantError);
    });
  }

  it("knows a Windows path, where a colon names a hidden stream of a file", () => {
    const windows = { absolute: (path: string) => path } as Files;
    assert.equal(new SafePaths(windows, "C:\\").join(["a"]), "C:/a");
    assert.equal(new SafePaths(windows, "D:\\x y").join(["a"]), "D:\\x y/a");
    assert.throws(() => new SafePaths(windows, "C:\\d").join(["a:b"]), InvariantError);
    assert.equal(new SafePaths(windows, "/d").join(["a:b"]), "/d/a:b");
  });
});

describe("SafePaths folders", () => {
  it("makeRoot creates the chosen folder and its parents", () => {
    const { disk, paths } = setUp("/new/deep/er");
    paths.makeRoot();
    assert.equal(disk.entry("/new/deep/er")?.kind, "directory");
  });

  it("makeRoot goes through a symlink that the user chose", () => {
    const { disk, paths } = setUp("/chosen");
    disk.makeFolders("/elsewhere");
    disk.plantLink("/chosen", "/elsewhere");
    paths.makeFolders(["top", "file"]);
    assert.equal(disk.entry("/elsewhere/top")?.kind, "directory");
  });

  it("makeRoot asks for another folder where the disk takes no folder of that name", () => {
    const { paths, files } = setUp("/odd/a");
    files.makeDir = (path) => {
      throw new FileError("bad-name", path, "this disk cannot store that name");
    };
    assert.throws(
      () => paths.makeRoot(),
      ({ code, message }: FileError) => {
        return code === "permission" &&
          /the folder \/odd\/a: .* Choose another folder$/.test(message);
      },
    );
  });

  it("makeRoot refuses a file in its place or above it", () => {
    const { disk, paths } = setUp("/a/b");
    disk.put("/a/b", new Uint8Array(1));
    assert.throws(() => paths.makeRoot(), fileErrorWith("not-directory", "/a/b"));
    const other = setUp("/a/b/c/d");
    other.disk.put("/a/b", new Uint8Array(1));
    assert.throws(() => other.paths.makeRoot(), fileErrorWith("not-directory", "/a/b/c"));
  });

  it("makeFolders makes each folder once and looks at none twice", () => {
    const { disk, files, paths } = setUp();
    for (let i = 0; i < 100; i++) paths.makeFolders(["t", "a", "b", `file${i}`]);
    assert.equal(disk.entry("/home/downloads/t/a/b")?.kind, "directory");
    assert.equal(disk.entry("/home/downloads/t/a/b/file0"), undefined);
    assert.equal(files.count("makeDir"), 4);
    assert.ok(files.count("stat") <= 8, `${files.count("stat")} looks`);
  });

  it("refuses a symlink in the path, for creating and reading, and does not touch its target", () => {
    const { disk, paths } = setUp();
    disk.makeFolders("/secret");
    disk.makeFolders("/home/downloads/t");
    disk.plantLink("/home/downloads/t/a", "/secret");
    const refused = fileErrorWith(
      "symlink",
      "/home/downloads/t/a",
      "does not write through links",
    );
    assert.throws(() => paths.makeFolders(["t", "a", "b", "file"]), refused);
    assert.throws(() => paths.hasFolders(["t", "a", "b", "file"]), refused);
    assert.deepEqual(disk.names("/secret"), []);
  });

  it("refuses a file on the way", () => {
    const { disk, paths } = setUp();
    disk.put("/home/downloads/t/a", new Uint8Array(1));
    const refused = fileErrorWith("not-directory", "/home/downloads/t/a");
    assert.throws(() => paths.makeFolders(["t", "a", "file"]), refused);
    assert.throws(() => paths.hasFolders(["t", "a", "file"]), refused);
  });

  it("hasFolders makes nothing; forget looks again", () => {
    const { disk, paths } = setUp();
    assert.equal(paths.hasFolders(["file"]), true);
    assert.equal(paths.hasFolders(["t", "file"]), false);
    assert.equal(disk.entry("/home/downloads"), undefined);
    paths.makeFolders(["t", "file"]);
    assert.equal(paths.hasFolders(["t", "file"]), true);
    disk.removeEntry("/home/downloads/t");
    disk.plantLink("/home/downloads/t", "/");
    paths.forget();
    assert.throws(
      () => paths.hasFolders(["t", "file"]),
      fileErrorWith("symlink", "/home/downloads/t"),
    );
  });
});
