import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { API_DOC, withRoutes } from "../../scripts/api.ts";

test("docs/api.md has the table of routes as scripts/api.ts writes it", async () => {
  const text = await readFile(API_DOC, "utf8");
  assert.equal(text, withRoutes(text));
});
