import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { MAX_TRACKER_BODY } from "../../src/tracker/tracker_http.ts";
import { parseTrackerUrl } from "../../src/tracker/tracker_url.ts";
import { fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import { NetError, TrackerError } from "../../src/util/errors.ts";
import { announceHttp, scrapeHttp } from "../../src/tracker/http_announcer.ts";
import { FakeClock, FakeHttp, type HttpHandler, namesOf, never, text } from "./tracker_fakes.ts";
import { announceRequest, INFO_HASH } from "./tracker_requests.ts";

const NAMES = {
  "tracker.test": ["8.8.8.8", "2001:db8::8"],
  "other.test": ["9.9.9.9", "2001:db8::9"],
  "four.test": ["9.9.9.9"],
  "inside.test": ["192.168.1.1"],
  "rebound.test": ["127.0.0.1"],
};
const OK = text("d8:completei2e8:intervali900e5:peers0:e");

class World {
  readonly clock = new FakeClock();
  readonly http: FakeHttp;
  readonly abort = new AbortController();

  constructor(handler: HttpHandler, readonly lookup = namesOf(NAMES)) {
    this.http = new FakeHttp(handler);
  }

  announce(url = "http://tracker.test/announce", address = "8.8.8.8", timeoutMs = 30_000) {
    const options = { timeoutMs, signal: this.abort.signal };
    return announceHttp(this, parseTrackerUrl(url), address, announceRequest(), options);
  }

  async failure(url?: string, address?: string): Promise<TrackerError> {
    try {
      await this.announce(url, address);
    } catch (error) {
      assert.ok(error instanceof TrackerError, String(error));
      return error;
    }
    assert.fail("nothing was thrown");
  }
}

function redirect(location: string, status = 302) {
  return { status, headers: { location } };
}

/** Redirects once, then answers. */
function redirectOnce(location: string): HttpHandler {
  let asked = 0;
  return () => asked++ === 0 ? redirect(location) : { body: OK };
}

describe("announceHttp", () => {
  it("requests the given address, with bounds, and reads the answer", async () => {
    const world = new World(() => ({ body: OK }));
    const answer = await world.announce("https://tracker.test/announce?pk=1");
    assert.deepEqual([answer.interval, answer.seeders], [900, 2]);
    const request = world.http.requests[0]!;
    assert.match(request.url, /^https:\/\/tracker\.test\/announce\?pk=1&info_hash=%FF%FE/);
    assert.equal(request.address, "8.8.8.8");
    assert.deepEqual([request.maxBytes, request.timeoutMs], [MAX_TRACKER_BODY, 30_000]);
    assert.equal(request.headers?.["authorization"], undefined);
  });

  it("sends credentials of the URL as basic authorization, to that origin only", async () => {
    const world = new World(redirectOnce("http://other.test/announce"));
    await world.announce("http://me:p%C3%A4ss@tracker.test/announce");
    const sent = world.http.requests.map(({ headers }) => headers?.["authorization"]);
    assert.deepEqual(sent, [`Basic ${btoa("me:p\u00c3\u00a4ss")}`, undefined]);
    assert.ok(!world.http.requests[0]!.url.includes("me:"));

    const same = new World(redirectOnce("/announce/2"));
    await same.announce("http://me:x@tracker.test/announce");
    assert.equal(same.http.requests[1]!.headers?.["authorization"], `Basic ${btoa("me:x")}`);
  });

  it("returns the failure reason, even with an error status", async () => {
    const body = text("d14:failure reason4:nope8:retry ini2ee");
    for (const status of [200, 400, 503]) {
      const error = await new World(() => ({ status, body })).failure();
      assert.deepEqual([error.code, error.message, error.retryInMs], ["failure", "nope", 120_000]);
    }
  });

  it("takes other statuses than 200 as bad answers, with Retry-After where it is said", async () => {
    const plain = await new World(() => ({ status: 500, body: text("<html>") })).failure();
    assert.deepEqual([plain.code, plain.retryInMs], ["bad-response", undefined]);
    assert.match(plain.message, /HTTP status 500/);
    const headers = { "retry-after": "120" };
    const busy = await new World(() => ({ status: 503, headers })).failure();
    assert.equal(busy.retryInMs, 120_000);
    const lying = await new World(() => ({ status: 404, body: OK })).failure();
    assert.match(lying.message, /HTTP status 404/);
  });

  it("turns network errors and unreadable answers into TrackerErrors", async () => {
    const cases = [
      ["timeout", "timeout"],
      ["refused", "net"],
      ["tls", "net"],
      ["too-large", "bad-response"],
    ] as const;
    for (const [from, to] of cases) {
      const error = await new World(() => Promise.reject(new NetError(from, "x"))).failure();
      assert.deepEqual([error.code, (error.cause as NetError).code], [to, from]);
    }
    const html = await new World(() => ({ body: text("<html>") })).failure();
    assert.equal(html.code, "bad-response");
  });

  it("rejects when it is called off", async () => {
    const world = new World(() => never());
    const announced = world.failure();
    world.abort.abort();
    assert.equal((await announced).code, "net");
  });
});

describe("announceHttp redirects", () => {
  it("follows up to five, relative ones too, resolving and pinning each", async () => {
    const hops: Record<string, string> = {
      "/announce": "http://other.test/a",
      "/a": "b",
      "/b": "/c?x=1",
      "/c": "https://tracker.test/d",
      "/d": "/announce/e",
    };
    const world = new World(({ url }) => {
      const next = hops[new URL(url).pathname];
      return next === undefined ? { body: OK } : redirect(next, 307);
    });
    await world.announce();
    const asked = world.http.requests.map(({ url, address }) => [new URL(url).pathname, address]);
    assert.deepEqual(asked, [
      ["/announce", "8.8.8.8"],
      ["/a", "9.9.9.9"],
      ["/b", "9.9.9.9"],
      ["/c", "9.9.9.9"],
      ["/d", "8.8.8.8"],
      ["/announce/e", "8.8.8.8"],
    ]);
  });

  it("gives up on a loop after five", async () => {
    const world = new World(() => redirect("/announce"));
    const error = await world.failure();
    assert.match(error.message, /redirects over 5 times/);
    assert.equal(world.http.requests.length, 6);
  });

  it("refuses to be led from the internet to a local address, by number or by name", async () => {
    const targets = ["http://127.0.0.1/announce", "http://192.168.1.1/announce"];
    targets.push("http://inside.test/announce", "http://rebound.test/announce");
    targets.push("http://169.254.169.254/latest/meta-data", "http://0x7f000001/announce");
    for (const target of targets) {
      const world = new World(() => redirect(target));
      assert.equal((await world.failure()).code, "refused-url", target);
      assert.equal(world.http.requests.length, 1, `${target} was not asked`);
    }
    const six = new World(() => redirect("http://[::1]/announce"));
    assert.equal((await six.failure(undefined, "2001:db8::8")).code, "refused-url");
  });

  it("lets a local tracker redirect locally, but on this machine only below /announce", async () => {
    const local = new World(redirectOnce("http://127.0.0.1/announce/x"));
    await local.announce("http://127.0.0.1:8080/announce", "127.0.0.1");
    const admin = new World(redirectOnce("http://127.0.0.1/admin"));
    const error = await admin.failure("http://127.0.0.1:8080/announce", "127.0.0.1");
    assert.equal(error.code, "refused-url");
    assert.equal(admin.http.requests.length, 1);
  });

  it("stays in the address family", async () => {
    const six = new World(redirectOnce("http://other.test/announce"));
    await six.announce(undefined, "2001:db8::8");
    assert.equal(six.http.requests[1]!.address, "2001:db8::9");
    const lost = new World(redirectOnce("http://four.test/announce"));
    assert.match((await lost.failure(undefined, "2001:db8::8")).message, /no IPv6/);
  });

  it("refuses other schemes and invalid URLs", async () => {
    const udp = await new World(() => redirect("udp://other.test:1/announce")).failure();
    assert.equal(udp.code, "refused-url");
    const file = await new World(() => redirect("file:///etc/passwd")).failure();
    assert.equal(file.code, "refused-url");
    const none = await new World(() => redirect("http://[")).failure();
    assert.equal(none.code, "bad-response");
  });

  it("spends one time limit over all of them", async () => {
    const world: World = new World(async () => {
      await world.clock.pass(4);
      return world.http.requests.length < 3 ? redirect("/announce/more") : { status: 404 };
    });
    await assert.rejects(world.announce(undefined, undefined, 10_000), TrackerError);
    const limits = world.http.requests.map(({ timeoutMs }) => timeoutMs);
    assert.deepEqual(limits, [10_000, 6_000, 2_000]);
  });

  it("takes a redirect without a target as a bad answer", async () => {
    const error = await new World(() => ({ status: 301 })).failure();
    assert.match(error.message, /HTTP status 301/);
  });
});

describe("checks before the first request", () => {
  it("refuses a service of this machine that is no tracker, without asking it", async () => {
    const world = new World(() => ({ body: OK }));
    for (const address of ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254"]) {
      const error = await world.failure("http://rebound.test/admin", address);
      assert.equal(error.code, "refused-url");
    }
    assert.equal(world.http.requests.length, 0);
  });
});

describe("scrapeHttp", () => {
  const options = () => ({ timeoutMs: 1000, signal: new AbortController().signal });

  it("returns the torrent's entry, or null", async () => {
    const entry = "d8:completei1e10:downloadedi3e10:incompletei2ee";
    const body = fromLatin1(`d5:filesd20:${toLatin1(INFO_HASH)}${entry}ee`);
    const world = new World(() => ({ body }));
    const url = parseTrackerUrl("http://tracker.test/announce?pk=1");
    const found = await scrapeHttp(world, url, "8.8.8.8", INFO_HASH, options());
    assert.deepEqual(found, { seeders: 1, leechers: 2, downloaded: 3, downloaders: null });
    assert.match(world.http.requests[0]!.url, /^http:\/\/tracker\.test\/scrape\?pk=1&info_hash=/);
    const other = new Uint8Array(20);
    assert.equal(await scrapeHttp(world, url, "8.8.8.8", other, options()), null);
  });

  it("refuses trackers whose path has no announce", async () => {
    const world = new World(() => ({ body: OK }));
    const url = parseTrackerUrl("http://tracker.test/x");
    await assert.rejects(scrapeHttp(world, url, "8.8.8.8", INFO_HASH, options()), TrackerError);
    assert.equal(world.http.requests.length, 0);
  });
});
