import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { TrackerError } from "../../src/util/errors.ts";
import {
  checkTrackerAddress,
  parseRedirectUrl,
  parseTrackerUrl,
  resolveRedirect,
  sameOrigin,
  scrapeUrl,
} from "../../src/tracker/tracker_url.ts";

function refused(run: () => unknown): void {
  assert.throws(run, (error) => error instanceof TrackerError && error.code === "refused-url");
}

describe("parseTrackerUrl", () => {
  it("splits a URL and keeps its query unchanged", () => {
    assert.deepEqual(parseTrackerUrl("HTTPS://a:b@Tracker.Example:8443/x/announce?passkey=%aB#f"), {
      text: "https://tracker.example:8443/x/announce?passkey=%aB",
      scheme: "https",
      host: "tracker.example",
      port: 8443,
      path: "/x/announce?passkey=%aB",
      credentials: "a:b",
      trusted: false,
    });
    const udp = parseTrackerUrl("udp://[2001:DB8::0:1]:1337");
    assert.deepEqual([udp.host, udp.port, udp.path], ["2001:db8::1", 1337, ""]);
    assert.equal(parseTrackerUrl("udp://Tracker.Example:1").text, "udp://tracker.example:1");
    assert.equal(parseTrackerUrl("https://a/announce").port, 443);
    assert.equal(parseTrackerUrl("http://a/announce").port, 80);
  });

  it("takes only http, https and udp", () => {
    for (const scheme of ["ftp", "file", "ws", "wss", "gopher", "javascript"]) {
      refused(() => parseTrackerUrl(`${scheme}://example.com/announce`));
    }
    for (const text of ["", "example.com/announce", "udp://", "http:///x", "http://:8080/x"]) {
      refused(() => parseTrackerUrl(text));
    }
  });

  it("refuses spaces, control characters, backslashes, other scripts and endless URLs", () => {
    const wrong = ["http://a/\t", "http://a b/", "http://a/ ", "http://a\\b/", "http://a/\u0000"];
    wrong.push("http://ex\u00e4mple.com/announce", "http://xn--exmple-cua.com/announce");
    wrong.push("http://a.xn--p1ai/announce", "udp://ex%20ample:1/", "udp://a:0/");
    wrong.push(`http://a/${"x".repeat(3000)}`, "udp://a:70000", "http://[::1/announce");
    for (const text of wrong) refused(() => parseTrackerUrl(text));
  });

  it("refuses URLs with arguments of an announce", () => {
    const names = ["info_hash", "port", "left", "key", "event", "uploaded", "downloaded"];
    for (const name of [...names, "corrupt", "peer_id", "%70ort", "LEFT"]) {
      refused(() => parseTrackerUrl(`http://example.com/announce?a=1&${name}=1`));
      refused(() => parseTrackerUrl(`udp://example.com:80/announce?${name}`));
    }
    for (const query of ["passkey=1", "keys=1", "x=port", "%zz=1"]) {
      parseTrackerUrl(`http://example.com/announce?${query}`);
    }
  });

  it("takes any path and arguments from a user that vouches for them", () => {
    for (const url of ["http://127.0.0.1/PASSKEY/announce?key=1", "http://localhost?left=0"]) {
      refused(() => checkTrackerAddress(parseTrackerUrl(url), "127.0.0.1"));
      const trusted = parseTrackerUrl(url, true);
      checkTrackerAddress(trusted, "127.0.0.1");
      refused(() => checkTrackerAddress(trusted, "127.0.0.1", "8.8.8.8"));
      refused(() => checkTrackerAddress(trusted, "224.0.0.1"));
    }
  });
});

describe("checkTrackerAddress", () => {
  const announce = parseTrackerUrl("http://tracker.example/announce");
  const other = parseTrackerUrl("http://tracker.example/admin/announce");

  it("a tracker on this machine is accepted only below /announce", () => {
    for (const address of ["127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "127.9.9.9"]) {
      checkTrackerAddress(announce, address);
      refused(() => checkTrackerAddress(other, address));
    }
    checkTrackerAddress(other, "192.168.0.1");
    checkTrackerAddress(other, "8.8.8.8");
  });

  it("sees through path tricks and spellings of the address", () => {
    refused(() =>
      checkTrackerAddress(parseTrackerUrl("http://127.0.0.1/announce/../admin"), "127.0.0.1")
    );
    refused(() =>
      checkTrackerAddress(parseTrackerUrl("http://127.0.0.1/announce/%2e%2e/admin"), "127.0.0.1")
    );
    for (const host of ["0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "127.1"]) {
      assert.equal(parseTrackerUrl(`http://${host}/announce`).host, "127.0.0.1");
    }
  });

  it("a udp tracker on this machine may have any path, since no service accepts its packets", () => {
    checkTrackerAddress(parseTrackerUrl("udp://127.0.0.1:6969"), "127.0.0.1");
  });

  it("refuses addresses of many machines", () => {
    for (const address of ["224.0.0.1", "255.255.255.255", "ff02::1"]) {
      refused(() => checkTrackerAddress(announce, address));
    }
  });

  it("refuses a redirect from a global to a local address, and no other", () => {
    for (const to of ["127.0.0.1", "10.0.0.1", "192.168.1.1", "fd00::1", "169.254.169.254"]) {
      refused(() => checkTrackerAddress(announce, to, "8.8.8.8"));
      checkTrackerAddress(announce, to, "192.168.1.1");
    }
    checkTrackerAddress(announce, "8.8.4.4", "8.8.8.8");
    checkTrackerAddress(announce, "8.8.4.4", "127.0.0.1");
  });
});

describe("redirects", () => {
  it("resolveRedirect resolves against the referrer, and says so when it cannot", () => {
    assert.equal(resolveRedirect("http://a.b/c/d?e", "f?g"), "http://a.b/c/f?g");
    assert.throws(() => resolveRedirect("http://a.b/", "http://[x"), TrackerError);
  });

  it("parseRedirectUrl takes announce arguments but no udp", () => {
    assert.equal(parseRedirectUrl("http://a.b/announce?info_hash=%00").host, "a.b");
    refused(() => parseRedirectUrl("udp://a.b:80/announce"));
    refused(() => parseRedirectUrl("ftp://a.b/announce"));
  });

  it("sameOrigin compares scheme, host and port", () => {
    const url = (text: string) => parseTrackerUrl(text);
    assert.ok(sameOrigin(url("http://a/x"), url("http://u:p@A:80/y")));
    assert.ok(!sameOrigin(url("http://a/x"), url("https://a/x")));
    assert.ok(!sameOrigin(url("http://a/x"), url("http://a:81/x")));
  });
});

describe("scrapeUrl (BEP 48)", () => {
  it("replaces announce in the last part of the path only", () => {
    const scrape = (text: string) => scrapeUrl(parseTrackerUrl(text))?.text ?? null;
    assert.equal(scrape("http://announce.x/announce"), "http://announce.x/scrape");
    assert.equal(scrape("http://x/announce.php?a=announce"), "http://x/scrape.php?a=announce");
    assert.equal(scrape("http://x/announce/a"), null);
    assert.equal(scrape("http://x/a"), null);
  });
});
