import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { LineReader } from "../../src/platform/shared/line_reader.ts";

/** Input that counts who keeps the process alive. */
function typed() {
  const input = Object.assign(new PassThrough(), {
    refs: 0,
    ref: () => void (input.refs = 1),
    unref: () => void (input.refs = 0),
  });
  return input;
}

describe("LineReader", () => {
  it("returns one line for each question, and null at the end", async () => {
    const input = typed(), lines = new LineReader(input);
    const first = lines.next();
    input.write("one\n");
    assert.equal(await first, "one");
    const second = lines.next();
    input.end("two\r\n");
    assert.deepEqual([await second, await lines.next(), await lines.next()], ["two", null, null]);
  });

  it("keeps lines that arrived before their question", async () => {
    const input = typed(), lines = new LineReader(input);
    input.end("one\ntwo\nthree");
    const got = [await lines.next(), await lines.next(), await lines.next(), await lines.next()];
    assert.deepEqual(got, ["one", "two", "three", null]);
  });

  it("keeps the process alive while a question is pending, every time", async () => {
    const input = typed(), lines = new LineReader(input);
    for (const line of ["a", "b", "c"]) {
      const next = lines.next();
      assert.equal(input.refs, 1, `before ${line}`);
      input.write(`${line}\n`);
      assert.equal(await next, line);
      assert.equal(input.refs, 0, `after ${line}`);
    }
  });
});
