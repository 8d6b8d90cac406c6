/** The description of the API, judged by a validator that is not ours, and live answers by it. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as v from "valibot";
import { API_BASE, apiRoutes } from "../../../src/daemon/api/api.ts";
import { openApiOf } from "../../../src/daemon/api/openapi.ts";
import type { ApiPorts } from "../../../src/daemon/api/ports.ts";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { ApiWorld } from "./api_harness.ts";

/** Named at run time, so that types are checked without it. */
const VALIDATOR: string = "@seriousme/openapi-schema-validator";
const validators = await import(VALIDATOR).catch(() => null);

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

/** The handlers are not called. */
const routes = apiRoutes({
  client: {},
  settings: {},
  platform: {},
  live: {},
} as unknown as ApiPorts);

describe("openapi.json", () => {
  it("is a valid description", {
    skip: validators === null && `${VALIDATOR} is not installed: run npm ci`,
  }, async () => {
    const plain = JSON.parse(JSON.stringify(openApiOf(API_BASE, routes)));
    const { valid, errors } = await new validators.Validator().validate(plain);
    assert.ok(valid, JSON.stringify(errors));
    const broken = { ...plain, info: {} };
    assert.equal((await new validators.Validator().validate(broken)).valid, false);
  });

  it("tells the truth about answers", async () => {
    const api = await ApiWorld.open();
    const infoHash = await api.add("a");
    await api.world.runFor(3000);
    let checked = 0;
    for (const { method, path, reply, status } of routes) {
      if (method !== "GET" || reply === null || typeof reply === "string") continue;
      const answer = await api.ask(`GET ${path.replace("{infoHash}", infoHash)}`);
      assert.equal(answer.status, status, path);
      const { issues = [] } = v.safeParse(reply, answer.body);
      const wrong = issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`);
      assert.deepEqual(wrong, [], path);
      checked++;
    }
    assert.ok(checked > 10, `${checked} answers`);
    const one = `/torrents/${infoHash}`;
    for (const what of [`PATCH ${one}`, `PATCH ${one}/files`, "PATCH /settings", `DELETE ${one}`]) {
      const [method, path] = what.replace(infoHash, "{infoHash}").split(" ");
      const { reply } = routes.find((each) => each.method === method && each.path === path)!;
      const { body } = await api.ask(what);
      assert.ok(v.safeParse(reply as v.GenericSchema, body).success, what);
    }
    await api.close();
  });
});
