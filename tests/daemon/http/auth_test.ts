import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { refuseOpenDaemon } from "../../../src/daemon/http/auth.ts";
import { BackOff } from "../../../src/daemon/http/back_off.ts";
import { hashPassword, PasswordCheck } from "../../../src/daemon/http/password.ts";
import { makeToken } from "../../../src/daemon/http/tokens.ts";
import { selectPlatform } from "../../../src/platform/select.ts";
import { Prng } from "../../harness/prng.ts";
import { basic, echo, HERE, kept, TestApp, THERE } from "./app_harness.ts";

const PASSWORD = kept("correct horse");
const hasher = {
  digest: (name: string, bytes: Uint8Array) =>
    new Uint8Array(createHash(name).update(bytes).digest()),
};

test("without a password this machine is let in, others and forwarded requests are not", async () => {
  const app = new TestApp([echo]);
  assert.equal((await app.ask("GET /api/x")).status, 200);
  assert.equal((await app.ask("GET /api/x", basic("any", "thing"))).status, 200, "needless");
  assert.equal((await app.ask("GET /api/x", {}, { visit: THERE })).status, 401);
  assert.equal((await app.ask("GET /api/x", { "x-forwarded-for": "192.0.2.1" })).status, 401);
});

test("a daemon that others can reach needs a password, a token or a proxy to start", () => {
  const { settings } = new TestApp([]);
  const refuses = (changes: object) => {
    try {
      refuseOpenDaemon({ ...settings, ...changes });
      return false;
    } catch (error) {
      assert.match(
        (error as Error).message,
        /^Others could use the daemon at .*without a password/,
      );
      return true;
    }
  };
  for (const listen of ["127.0.0.1:9091", "127.5.0.1:1", "[::1]:9091", "localhost:1", ""]) {
    assert.equal(refuses({ listen }), false, listen);
  }
  for (const listen of ["0.0.0.0:9091", "[::]:9091", "192.168.1.5:9091"]) {
    assert.equal(refuses({ listen }), true, listen);
    assert.equal(refuses({ listen, password: PASSWORD }), false, listen);
  }
});

test("tokens may read, add or do everything, and only their hash is kept", async () => {
  const { text, hash } = makeToken(new Prng(2), hasher);
  assert.match(text, /^shoal_[0-9a-f]{64}$/);
  const all = { ...echo, path: "/all", needs: "all" as const };
  const app = new TestApp([echo, all], { tokens: [{ name: "page", hash, may: "read" }] });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const response = await app.ask("GET /api/x", bearer(text), { visit: THERE });
  assert.deepEqual((await response.json()).who, { kind: "token", may: "read" });
  assert.equal((await app.ask("GET /all", bearer(text), { visit: THERE })).status, 403);
  assert.equal((await app.ask("GET /api/x", bearer("shoal_00"), { visit: HERE })).status, 401);
  assert.equal((await app.ask("GET /api/x", bearer(hash), { visit: HERE })).status, 401);
  const missing = await app.ask("GET /api/x", {}, { visit: THERE });
  assert.deepEqual([missing.status, missing.headers.get("www-authenticate")], [401, "Bearer"]);
  const asPassword = await app.ask("GET /api/x", basic("any", text), { visit: THERE });
  assert.equal(asPassword.status, 200);
});

test("a password is hashed once, then recognised; another one is not", async () => {
  const app = new TestApp([echo], { password: PASSWORD });
  for (let i = 0; i < 20; i++) {
    const response = await app.ask("GET /api/x", basic("shoal", "correct horse"), { visit: THERE });
    assert.equal(response.status, 200);
  }
  assert.equal(app.hashes, 1);
  assert.equal((await app.ask("GET /api/x", basic("shoal", "wrong"))).status, 401);
  assert.equal((await app.ask("GET /api/x", basic("other", "correct horse"))).status, 401);
  assert.equal((await app.ask("GET /api/x")).status, 401, "this machine needs it as well");
  Object.assign(app.settings, { password: kept("battery") });
  assert.equal((await app.ask("GET /api/x", basic("shoal", "correct horse"))).status, 401);
  assert.equal((await app.ask("GET /api/x", basic("shoal", "battery"))).status, 200);
});

test("10,000 wrong passwords cost a few hashes, and the right one still comes through", async () => {
  const app = new TestApp([echo], { password: PASSWORD });
  await app.ask("GET /api/x", basic("shoal", "correct horse"), { visit: THERE });
  const seen = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) {
    const visit = { ...THERE, address: "198.51.100.9" };
    const { status } = await app.ask("GET /api/x", basic("shoal", `guess ${i}`), { visit });
    seen.set(status, (seen.get(status) ?? 0) + 1);
    app.clock.stall(0.01);
  }
  assert.ok(app.hashes < 20, `${app.hashes} hashes in 100 s`);
  assert.equal(seen.get(401)! + seen.get(429)!, 10_000);
  const known = basic("shoal", "correct horse");
  const visit = { ...THERE, address: "198.51.100.9" };
  assert.equal((await app.ask("GET /api/x", known, { visit })).status, 200, "known to be right");
});

test("wrong passwords from ever more addresses take bounded memory", () => {
  const backOff = new BackOff();
  for (let i = 0; i < 50_000; i++) backOff.wrong(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, i);
  assert.equal(backOff.size, 4096);
  for (let i = 0; i < 100; i++) backOff.wrong(`2001:db8:1:2::${i.toString(16)}`, 60_000);
  assert.ok(backOff.waitMs("2001:db8:1:2:ffff::1", 60_000) > 0, "a /64 is one visitor");
  assert.equal(backOff.waitMs("2001:db8:1:3::1", 60_000), 0);
  assert.equal(backOff.waitMs("2001:db8:1:2::1", 60_000 + 5 * 60_000), 0);
});

test("slow hashes run one at a time, and few wait for them", async () => {
  const app = new TestApp([echo], { password: PASSWORD });
  const asks = Array.from({ length: 50 }, (_, i) => {
    const visit = { ...THERE, address: `192.0.2.${i}` };
    return app.ask("GET /api/x", basic("shoal", `guess ${i}`), { visit });
  });
  const statuses = (await Promise.all(asks)).map(({ status }) => status);
  assert.equal(app.mostAtOnce, 1);
  assert.equal(statuses.filter((status) => status === 401).length, 8);
  assert.equal(statuses.filter((status) => status === 503).length, 42);
});

test("a proxy's word counts only from its own address", async () => {
  const trustedProxy = { address: "127.0.0.1", header: "X-Remote-User" };
  const app = new TestApp([echo], { trustedProxy });
  const named = { "x-remote-user": "ann" };
  assert.equal((await app.ask("GET /api/x", named)).status, 200);
  assert.equal((await app.ask("GET /api/x")).status, 401, "the proxy let in somebody unnamed");
  assert.equal((await app.ask("GET /api/x", named, { visit: THERE })).status, 401);
});

test("sessions end with their time, their password or a sign-out", async () => {
  const app = new TestApp([echo], { password: PASSWORD });
  const { sessions } = app.auth;
  const cookie = sessions.begin(PASSWORD, app.clock.now(), false);
  assert.match(cookie, /; HttpOnly; SameSite=Strict$/);
  const headers = { cookie: `a=b; ${cookie.split(";")[0]}` };
  assert.equal((await app.ask("GET /api/x", headers)).status, 200);
  assert.equal((await app.ask("GET /api/x", { cookie: "shoal_session=00" })).status, 401);
  app.clock.stall(31 * 24 * 3600);
  assert.equal((await app.ask("GET /api/x", headers)).status, 401);
});

test("a real password hash has its own salt and is recognised", async () => {
  const platform = selectPlatform(), password = "pässword";
  const [one, two] = [
    await hashPassword(platform, password),
    await hashPassword(platform, password),
  ];
  assert.notEqual(one, two);
  const check = new PasswordCheck(platform);
  assert.equal(await check.check("password", one), "wrong");
  assert.equal(await check.check(password, two), "right");
  assert.equal(await check.check(password, "scrypt$99$00$00"), "wrong");
});
