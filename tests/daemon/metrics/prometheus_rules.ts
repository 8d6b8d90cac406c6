/** The rules of the text format and of names, as `promtool check metrics` has them. */
import assert from "node:assert/strict";

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/;

export interface Series {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** All series; throws an AssertionError for a breach. */
export function checkPrometheus(text: string): Series[] {
  assert.ok(text.endsWith("\n"));
  const all: Series[] = [], seen = new Set<string>(), families = new Set<string>();
  let name = "", type = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (head?.[1] === "HELP") {
      name = head[2]!;
      assert.ok(!families.has(name), `${name} comes twice`);
      families.add(name);
      type = "";
    } else if (head?.[1] === "TYPE") {
      assert.equal(head[2], name, "HELP and TYPE belong together");
      type = head[3]!;
      assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
      assert.doesNotMatch(name, /_(count|sum|bucket)$/);
    } else {
      all.push(sampleOf(line, name, type, seen));
    }
  }
  return all;
}

function sampleOf(line: string, family: string, type: string, seen: Set<string>): Series {
  const found = SAMPLE.exec(line);
  assert.ok(found, `not a sample: ${line}`);
  const [, name = "", labels = "", number = ""] = found;
  const suffix = type === "histogram" ? /_(bucket|sum|count)$/ : /$/;
  assert.equal(name.replace(suffix, ""), family, `${name} is not with its family`);
  const key = `${name}{${labels}}`, value = Number(number.replace("+Inf", "Infinity"));
  assert.ok(!seen.has(key), `${key} comes twice`);
  seen.add(key);
  assert.ok(!Number.isNaN(value), line);
  if (type === "counter") assert.ok(value >= 0, line);
  return { name, labels, value };
}
