import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import { after, before, describe, it } from "node:test";
import { realHttp } from "./real_http.ts";
import { TLS_CERTIFICATE, TLS_KEY } from "./tls_fixture.ts";

describe("http.request over TLS", () => {
  let server: Server;
  let port: number;

  before(async () => {
    server = createServer({ key: TLS_KEY, cert: TLS_CERTIFICATE }, (request, response) => {
      response.end(`hello ${request.headers.host}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as { port: number }).port;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const get = (host: string, options: { ca?: string }) =>
    realHttp(options.ca).request({
      url: `https://${host}:${port}/`,
      address: "127.0.0.1",
      timeoutMs: 5000,
      maxBytes: 1000,
    });

  it("checks the certificate against the URL's name when the address is pinned", async () => {
    const answer = await get("tracker.test", { ca: TLS_CERTIFICATE });
    assert.equal(new TextDecoder().decode(answer.body), `hello tracker.test:${port}`);
  });

  it("refuses a certificate for another name", async () => {
    await assert.rejects(get("other.test", { ca: TLS_CERTIFICATE }), { code: "tls" });
  });

  it("refuses an untrusted certificate", async () => {
    await assert.rejects(get("tracker.test", {}), { code: "tls" });
  });
});
