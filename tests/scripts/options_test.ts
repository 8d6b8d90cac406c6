import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { optionsText } from "../../scripts/options.ts";

describe("docs/options.md", () => {
  it("is as scripts/options.ts writes it from the table of options", async () => {
    const path = new URL("../../docs/options.md", import.meta.url);
    assert.equal(await readFile(path, "utf8"), optionsText());
  });
});
