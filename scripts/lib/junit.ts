/** Reads the JUnit XML of `deno test` and `bun test`: the form in which both name every test. */

export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
  skips: string[];
}

interface Case {
  name: string;
  outcome: "passed" | "failed" | "skipped";
}

export function noCounts(): TestCounts {
  return { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
}

/**
 * Counts leaf tests. Deno lists a group beside its members ("group", "group > member"): a group
 * counts only when it failed without a failing member, as when one of its hooks threw.
 */
export function parseJunit(xml: string): TestCounts {
  const counts = noCounts();
  const cases = readCases(xml);
  for (const one of cases) {
    const members = cases.filter((other) => other.name.startsWith(`${one.name} > `));
    if (members.length > 0) {
      const explained = members.some((member) => member.outcome === "failed");
      if (one.outcome !== "failed" || explained) continue;
    }
    counts[one.outcome]++;
    if (one.outcome === "failed") counts.failures.push(one.name);
    if (one.outcome === "skipped") counts.skips.push(one.name);
  }
  return counts;
}

function readCases(xml: string): Case[] {
  const cases: Case[] = [];
  const pattern = /<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g;
  for (const [, attributes = "", , body = ""] of xml.matchAll(pattern)) {
    const attribute = (name: string) => {
      const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
      return unescapeXml(value);
    };
    cases.push({ name: fullName(attribute("name"), attribute("classname")), outcome: of(body) });
  }
  return cases;
}

function of(body: string): Case["outcome"] {
  if (/<(failure|error)[\s/>]/.test(body)) return "failed";
  return /<skipped[\s/>]/.test(body) ? "skipped" : "passed";
}

/** Bun puts the groups into `classname`, innermost first; Deno puts the file there. */
function fullName(name: string, className: string): string {
  const isFile = className === "" || /\.[cm]?[jt]sx?$/.test(className);
  return isFile ? name : [...className.split(" > ").reverse(), name].join(" > ");
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return named[name] ?? whole;
  });
}
