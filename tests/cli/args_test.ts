import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseArgs, repeated, single, toggle } from "../../src/cli/args.ts";
import { UsageError } from "../../src/cli/errors.ts";
import { editDistance, nearest } from "../../src/util/nearest.ts";
import { notEmpty, wholeNumber } from "../../src/cli/values.ts";

const FLAGS = {
  dir: single("DIR", "", notEmpty, ".", "o"),
  peer: repeated("HOST:PORT", "", notEmpty),
  "max-peers": single("N", "", wholeNumber(1, 100), 25),
  json: toggle(""),
  quiet: toggle("", "q"),
};

function refusal(...args: string[]): string {
  try {
    parseArgs(FLAGS, args);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  assert.fail(`${args.join(" ")} was accepted`);
}

describe("parseArgs", () => {
  it("returns every flag's initial value if no flag is given", () => {
    const { values, operands } = parseArgs(FLAGS, []);
    assert.deepEqual(values, { dir: ".", peer: [], "max-peers": 25, json: false, quiet: false });
    assert.deepEqual(operands, []);
  });

  it("takes flags before, between and after operands", () => {
    const { values, operands } = parseArgs(FLAGS, ["--json", "a", "-o", "out", "b", "-q"]);
    assert.deepEqual(operands, ["a", "b"]);
    assert.equal(values.dir, "out");
    assert.equal(values.json, true);
    assert.equal(values.quiet, true);
  });

  it("takes a value after a blank, after =, and right after a short flag", () => {
    for (const args of [["--dir", "x"], ["--dir=x"], ["-o", "x"], ["-ox"], ["-o=x"]]) {
      assert.equal(parseArgs(FLAGS, args).values.dir, "x", args.join(" "));
    }
    assert.equal(parseArgs(FLAGS, ["--dir=a=b"]).values.dir, "a=b");
  });

  it("collects a repeatable flag and takes the last of a single one", () => {
    const args = ["--peer", "a:1", "--peer=b:2", "--max-peers", "3", "--max-peers", "4"];
    const { values } = parseArgs(FLAGS, args);
    assert.deepEqual(values.peer, ["a:1", "b:2"]);
    assert.equal(values["max-peers"], 4);
  });

  it("takes everything after -- as operands, and a lone dash as one", () => {
    const { values, operands } = parseArgs(FLAGS, ["-", "--", "--json", "-x"]);
    assert.deepEqual(operands, ["-", "--json", "-x"]);
    assert.equal(values.json, false);
  });

  it("names an unknown flag and the one that was probably meant", () => {
    assert.equal(refusal("--max-peer=3"), "Unknown flag --max-peer (did you mean --max-peers?)");
    assert.equal(refusal("--jsno"), "Unknown flag --jsno (did you mean --json?)");
    assert.equal(refusal("-json"), "Unknown flag -json (did you mean --json?)");
    assert.equal(refusal("--zzzzzz"), "Unknown flag --zzzzzz");
    assert.equal(refusal("-x"), "Unknown flag -x");
    assert.equal(refusal("--__proto__"), "Unknown flag --__proto__");
  });

  it("refuses a missing value, a flag in its place, and a value for a switch", () => {
    assert.equal(refusal("--dir"), "--dir needs a value: --dir DIR");
    assert.match(refusal("--dir", "--json"), /^--dir needs a value before --json/);
    assert.match(refusal("--json=yes"), /^--json takes no value/);
    assert.match(refusal("-qx"), /^-q takes no value/);
  });

  it("puts the flag's name before the error about its value", () => {
    assert.equal(
      refusal("--max-peers", "many"),
      '--max-peers: "many" is not a whole number from 1 to 100',
    );
    assert.equal(refusal("-o", ""), "-o: the value is empty");
  });
});

describe("nearest", () => {
  it("counts a swap of neighbours as one change", () => {
    assert.equal(editDistance("jsno", "json"), 1);
    assert.equal(editDistance("kitten", "sitting"), 3);
    assert.equal(editDistance("", "abc"), 3);
  });

  it("suggests the command for a typing error or a prefix, and nothing for a different word", () => {
    const known = ["download", "show", "verify", "demo"];
    assert.equal(nearest("downlaod", known), "download");
    assert.equal(nearest("down", known), "download");
    assert.equal(nearest("shwo", known), "show");
    assert.equal(nearest("banana", known), null);
    assert.equal(nearest("x", known), null);
  });
});
