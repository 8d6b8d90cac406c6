import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errnoOf, fileError, netError, systemError } from "../../src/platform/shared/errno.ts";
import { FileError, NetError } from "../../src/util/errors.ts";

describe("fileError", () => {
  const codes: [errno: string, code: string, advice: RegExp][] = [
    ["ENOSPC", "disk-full", /Free some space/],
    ["EDQUOT", "disk-full", /quota/],
    ["EACCES", "permission", /permission denied/],
    ["EPERM", "permission", /not allow/],
    ["ENOENT", "not-found", /no such/],
    ["EMFILE", "too-many-open", /ulimit -n/],
    ["ENFILE", "too-many-open", /too many/],
    ["EISDIR", "is-directory", /a folder has the name of a file/],
    ["ENOTDIR", "not-directory", /a file has the name of a folder/],
    ["ELOOP", "symlink", /symbolic link/],
    ["EROFS", "read-only", /read-only/],
    ["EEXIST", "exists", /already there/],
    ["ENOTEMPTY", "exists", /not empty/],
    ["EFBIG", "too-large", /this large/],
    ["ENAMETOOLONG", "bad-name", /too long/],
    ["EILSEQ", "bad-name", /cannot store that name/],
    ["EIO", "io", /health/],
    ["ESOMETHING", "io", /ESOMETHING/],
  ];
  for (const [errno, code, advice] of codes) {
    it(`${errno} becomes ${code}, with the path and a remedy`, () => {
      const cause = systemError(errno);
      const error = fileError("write", "/some/where", cause);
      assert.ok(error instanceof FileError);
      assert.deepEqual([error.code, error.path, error.cause], [code, "/some/where", cause]);
      assert.match(error.message, /^Cannot write \/some\/where: /);
      assert.match(error.message, advice);
    });
  }

  it("names the flag that Deno's sandbox wants", () => {
    const cause = Object.assign(new Error('Requires read access to "/x", --allow-read'), {
      name: "NotCapable",
    });
    const error = fileError("read", "/x", cause);
    assert.equal(error.code, "permission");
    assert.match(
      error.message,
      /^Cannot read \/x: Deno's sandbox forbids it\. Add --allow-read to/,
    );
  });

  it("returns a FileError unchanged", () => {
    const error = new FileError("changed", "/x", "Cannot go on");
    assert.equal(fileError("read", "/y", error), error);
  });
});

describe("netError", () => {
  const codes: [errno: string, code: string][] = [
    ["ECONNREFUSED", "refused"],
    ["EHOSTUNREACH", "unreachable"],
    ["ENETUNREACH", "unreachable"],
    ["ETIMEDOUT", "timeout"],
    ["ECONNRESET", "reset"],
    ["EPIPE", "reset"],
    ["EADDRINUSE", "address-in-use"],
    ["EACCES", "permission"],
    ["ENOTFOUND", "name-not-found"],
    ["EAI_AGAIN", "name-not-found"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
    ["HPE_INVALID_CONSTANT", "bad-response"],
    ["ESOMETHING", "other"],
  ];
  for (const [errno, code] of codes) {
    it(`${errno} becomes ${code}`, () => {
      const error = netError("Cannot get it", systemError(errno));
      assert.ok(error instanceof NetError);
      assert.equal(error.code, code);
      assert.match(error.message, /^Cannot get it: ./);
    });
  }

  it("returns a NetError unchanged", () => {
    const error = new NetError("aborted", "Cannot go on");
    assert.equal(netError("Cannot get it", error), error);
  });
});

describe("errnoOf", () => {
  it("reads codes, Deno's sandbox refusals, and takes anything else", () => {
    assert.equal(errnoOf(systemError("EBADF")), "EBADF");
    assert.equal(errnoOf(Object.assign(new Error("no"), { name: "NotCapable" })), "EACCES");
    for (const value of [null, undefined, 5, "text", new Error("x"), { code: 5 }]) {
      assert.equal(errnoOf(value), "");
    }
  });
});
