import assert from "node:assert/strict";
import { test } from "node:test";
import { echo, TestApp } from "./app_harness.ts";

async function codeOf(response: Response): Promise<[status: number, code: string | null]> {
  const body = await response.json();
  return [response.status, body.error?.code ?? null];
}

test("only addresses, localhost and configured names reach the daemon", async () => {
  const app = new TestApp([echo], { allowedHosts: ["Seedbox.example"] });
  const ask = (host: string) => app.ask("GET /api/x", { host });
  for (
    const host of [
      "127.0.0.1",
      "127.0.0.1:9091",
      "[::1]:9091",
      "192.168.1.5:9091",
      "LocalHost:80",
      "seedbox.example",
      "seedbox.example.:9091",
    ]
  ) {
    assert.equal((await ask(host)).status, 200, host);
  }
  for (const host of ["attacker.example", "127.0.0.1.attacker.example:9091", "localhost.a", "x"]) {
    assert.deepEqual(await codeOf(await ask(host)), [421, "unknown-host"], host);
  }
  assert.deepEqual(await codeOf(await ask("")), [400, "no-host"]);
});

test("the Unix socket answers to any name, and to its owner without a password", async () => {
  const app = new TestApp([echo]);
  const visit = { address: "", port: 0, isUnix: true };
  const response = await app.ask("GET /api/x", { host: "shoal" }, { visit });
  assert.deepEqual((await response.json()).who, { kind: "unix", may: "all" });
});

test("pages of other sites are refused by Origin and Fetch Metadata", async () => {
  const app = new TestApp([echo, { ...echo, path: "/" }]);
  const ask = (headers: Record<string, string>, what = "POST /api/x") =>
    app.ask(what, headers, what.startsWith("GET") ? {} : { body: "{}" });
  assert.equal((await ask({ origin: "http://127.0.0.1:9091" })).status, 200);
  assert.equal((await ask({ "sec-fetch-site": "same-origin" })).status, 200);
  assert.equal((await ask({ "sec-fetch-site": "none" }, "GET /api/x")).status, 200);
  const foreign: Record<string, string>[] = [
    { origin: "http://attacker.example" },
    { origin: "http://127.0.0.1:8080" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ];
  for (const headers of foreign) {
    assert.deepEqual(await codeOf(await ask(headers)), [403, "foreign-origin"]);
  }
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  assert.equal((await ask(link, "GET /")).status, 200, "a link to the start page");
  assert.equal((await ask(link, "GET /api/x")).status, 403);
});

test("changes need a content type that a form or a plain fetch cannot have", async () => {
  const app = new TestApp([echo, { ...echo, path: "/rpc", types: null }]);
  for (
    const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "",
    ]
  ) {
    const response = await app.ask("POST /api/x", { "content-type": type }, { body: "{}" });
    assert.deepEqual(await codeOf(response), [415, "wrong-type"], type);
  }
  const json = { "content-type": "Application/JSON; charset=utf-8" };
  assert.equal((await app.ask("POST /api/x", json, { body: "{}" })).status, 200);
  assert.equal((await app.ask("DELETE /api/x")).status, 200);
  const other = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await app.ask("POST /rpc", other, { body: "{}" })).status, 200);
});

test("bodies above the limit are refused, by their length or while they arrive", async () => {
  const app = new TestApp([echo]);
  const told = await app.ask("POST /api/x", { "content-length": "300000000" }, { body: "{}" });
  assert.deepEqual(await codeOf(told), [413, "too-large"]);
  let pulled = 0;
  const endless = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(300));
    },
  });
  const app2 = new TestApp([echo]);
  const request = { body: endless as unknown as BodyInit };
  assert.deepEqual(await codeOf(await app2.ask("POST /api/x", {}, request)), [413, "too-large"]);
  assert.ok(pulled < 10, `${pulled} parts were read`);
});

test("every answer has the headers that keep browsers safe", async () => {
  const app = new TestApp([echo]);
  for (const path of ["/api/x", "/nothing"]) {
    const { headers } = await app.ask(`GET ${path}`);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
    assert.match(headers.get("content-security-policy")!, /default-src 'none'/);
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

test("a handler's bug is for the log, not for the visitor", async () => {
  const app = new TestApp([{
    ...echo,
    handler: () => {
      throw new Error("secret detail");
    },
  }]);
  const response = await app.ask("GET /api/x");
  assert.equal(response.status, 500);
  assert.ok(!(await response.text()).includes("secret"));
  assert.equal(app.bugs.length, 1);
});
