import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { dashboardQueries } from "../../../scripts/lib/dashboard.ts";
import { TORRENT_FAMILIES } from "../../../src/daemon/metrics/torrent_families.ts";
import { readConfig } from "../../../src/daemon/config_file.ts";
import { FAMILIES } from "../../../src/daemon/metrics/families.ts";

describe("docs/automation.md", () => {
  it("lists every metric with its help", () => {
    const url = new URL("../../../docs/automation.md", import.meta.url);
    const text = readFileSync(url, "utf8");
    for (const { name, help } of [...FAMILIES, ...TORRENT_FAMILIES]) {
      assert.ok(text.includes(`| \`${name}\` | ${help.replace(/\.$/, "")} |\n`), name);
    }
  });

  it("has settings that the daemon takes", () => {
    const url = new URL("../../../docs/automation.md", import.meta.url);
    const blocks = [...readFileSync(url, "utf8").matchAll(/```jsonc\n([^`]+)```/g)];
    const names = blocks.flatMap(([, block]) => Object.keys(readConfig(`{${block}}`, "docs")));
    assert.deepEqual(names, ["watch", "hooks"]);
  });
});

describe("the Grafana dashboard", () => {
  it("asks only for metrics that exist, and for a counter only its increase", () => {
    const families = new Map(FAMILIES.map((family) => [family.name, family]));
    const asked = new Set<string>();
    for (const { title, query } of dashboardQueries("1m")) {
      const names = query.match(/\b(?:shoal|process)_\w+/g) ?? [];
      assert.ok(names.length > 0, title);
      for (const name of names) {
        const histogram = families.get(name.replace(/_(bucket|sum|count)$/, ""));
        const family = families.get(name) ??
          (histogram?.type === "histogram" ? histogram : undefined);
        assert.ok(family, `${title}: there is no ${name}`);
        asked.add(family.name);
        if (family.type !== "gauge") {
          assert.match(query, new RegExp(`(rate|increase)\\(${name}(\\{[^}]*\\})?\\[`), title);
        }
      }
    }
    assert.ok(asked.size > 20);
  });
});
