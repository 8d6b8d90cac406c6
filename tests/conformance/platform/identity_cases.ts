/** Which file is which: hard links, and names that are too long. */
import assert from "node:assert/strict";
import { type AddCase, pattern, throwsWith } from "./subject.ts";

export function identityCases(add: AddCase): void {
  add("a hard link is one more name of a file: what is written shows under both", async (t) => {
    const { here, dir } = t, [one, other] = [`${dir}/one`, `${dir}/other`];
    await here.files.writeWhole(one, pattern(5000, 1));
    assert.equal(here.files.stat(one)!.links, 1);
    t.hardLink(one, other);
    const [a, b] = [here.files.stat(one)!, here.files.stat(other)!];
    assert.deepEqual([a.links, b.links, a.inode, a.device], [2, 2, b.inode, b.device]);
    const handle = here.files.open(other, "write");
    handle.writeAt(pattern(100, 2), 0);
    assert.equal(handle.stat().links, 2);
    handle.close();
    assert.deepEqual((await here.files.read(one, 5000)).subarray(0, 100), pattern(100, 2));
  });

  add("a file that takes one name of a hard link leaves the other as it is", async (t) => {
    const { here, dir } = t, [one, other] = [`${dir}/one`, `${dir}/other`];
    await here.files.writeWhole(one, pattern(5000, 1));
    t.hardLink(one, other);
    await here.files.writeWhole(other, pattern(300, 2));
    assert.deepEqual(await here.files.read(one, 5000), pattern(5000, 1));
    assert.equal(here.files.stat(one)!.links, 1);
    t.hardLink(one, `${dir}/third`);
    here.files.remove(one);
    assert.deepEqual(await here.files.read(`${dir}/third`, 5000), pattern(5000, 1));
    assert.equal(here.files.stat(`${dir}/third`)!.links, 1);
  });

  add("renaming one name of a file to its other name changes nothing", async (t) => {
    const { here, dir } = t, [one, other] = [`${dir}/one`, `${dir}/other`];
    await here.files.writeWhole(one, pattern(50, 1));
    t.hardLink(one, other);
    here.files.rename(one, other);
    assert.deepEqual(here.files.list(dir), ["one", "other"]);
  });

  add("a name of more than 255 bytes is refused", ({ here, dir }) => {
    here.files.open(`${dir}/${"ä".repeat(127)}x`, "create").close();
    const long = `${dir}/${"ä".repeat(128)}`;
    throwsWith(() => here.files.open(long, "create"), "bad-name");
    throwsWith(() => here.files.open(long, "write"), "bad-name");
    throwsWith(() => here.files.makeDir(`${dir}/${"x".repeat(256)}`), "bad-name");
    assert.equal(here.files.stat(long), null, "nothing can be there");
    return Promise.resolve();
  });
}
