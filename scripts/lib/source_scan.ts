/**
 * A TypeScript source with its comments and the insides of its strings blanked out, so that names
 * can be searched in what is really code; and the imports it makes. Offsets and lines stay as they
 * were. Not a parser: it only has to know where strings, comments and regular expressions end.
 */

export interface ImportStatement {
  specifier: string;
  line: number;
  /** `import type` and `export type`: gone at run time. */
  typeOnly: boolean;
}

export interface Scanned {
  /** The source, each blanked character a space. */
  code: string;
  imports: ImportStatement[];
}

export function scanSource(text: string): Scanned {
  const scanner = new Scanner(text);
  scanner.run();
  const code = scanner.code();
  return { code, imports: findImports(text, code) };
}

/** The 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}

export interface ScannedClass {
  readonly name: string;
  readonly line: number;
  /** Names of its members that others see; a getter and its setter are one. */
  readonly members: ReadonlySet<string>;
}

const CLASS = /^(?:export )?(?:abstract )?class (\w+)/;
const MEMBER =
  /^ {2}(?!private |protected |constructor\b|static \{)(?:(?:readonly|static|async|override|abstract|declare|get|set) )*\*?\[?([A-Za-z_$][\w$.]*)\]?\s*[(<:=!?;]/;

/** The classes of a formatted source at its outer level, by their indentation. */
export function classesIn(code: string): ScannedClass[] {
  const classes: ScannedClass[] = [];
  let members: Set<string> | null = null;
  for (const [i, text] of code.split("\n").entries()) {
    const name = CLASS.exec(text)?.[1];
    if (name !== undefined) classes.push({ name, line: i + 1, members: members = new Set() });
    else if (text.startsWith("}")) members = null;
    const member = members && MEMBER.exec(text)?.[1];
    if (member) members!.add(member);
  }
  return classes;
}

class Scanner {
  readonly #text: string;
  readonly #out: string[];
  #at = 0;
  /** Depth of braces inside each template expression that is open. */
  readonly #templates: number[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#out = text.split("");
  }

  code(): string {
    return this.#out.join("");
  }

  run(): void {
    while (this.#at < this.#text.length) this.#step();
  }

  #step(): void {
    const text = this.#text;
    const char = text[this.#at];
    if (text.startsWith("//", this.#at)) return this.#blankTo(text.indexOf("\n", this.#at));
    if (text.startsWith("/*", this.#at)) {
      const end = text.indexOf("*/", this.#at + 2);
      return this.#blankTo(end === -1 ? -1 : end + 2);
    }
    if (char === '"' || char === "'") return this.#string(char);
    if (char === "`") return this.#template();
    if (char === "/" && this.#regexMayStart()) return this.#regex();
    this.#brace(char);
    this.#at++;
  }

  #brace(char: string | undefined): void {
    const depth = this.#templates.at(-1);
    if (depth === undefined) return;
    if (char === "{") this.#templates[this.#templates.length - 1] = depth + 1;
    if (char !== "}") return;
    if (depth > 0) {
      this.#templates[this.#templates.length - 1] = depth - 1;
      return;
    }
    this.#templates.pop();
    this.#template();
    this.#at--;
  }

  /** Blanks from the current offset up to `end` (-1: the end of the text); line ends stay. */
  #blankTo(end: number): void {
    const stop = end === -1 ? this.#text.length : end;
    for (; this.#at < stop; this.#at++) {
      if (this.#text[this.#at] !== "\n") this.#out[this.#at] = " ";
    }
  }

  /** From an opening quote to behind the closing one; the quotes stay. */
  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#at++;
    this.#blankTo(end);
    this.#at++;
  }

  /** From a backtick, or the brace that ends an expression, to the next expression or the end. */
  #template(): void {
    let end = this.#at + 1;
    while (end < this.#text.length) {
      if (this.#text[end] === "`") break;
      if (this.#text.startsWith("${", end)) break;
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#at++;
    this.#blankTo(end);
    if (this.#text[end] === "$") {
      this.#templates.push(0);
      this.#at++;
    }
    this.#at++;
  }

  #regexMayStart(): boolean {
    const before = this.#out.slice(Math.max(0, this.#at - 40), this.#at).join("").trimEnd();
    const word = /[\w$]+$/.exec(before)?.[0];
    if (word !== undefined) return /^(return|typeof|case|in|of|void|throw|do|else)$/.test(word);
    return !/[)\]}"'`]$/.test(before);
  }

  #regex(): void {
    let end = this.#at + 1;
    let inClass = false;
    for (; end < this.#text.length && this.#text[end] !== "\n"; end++) {
      const char = this.#text[end];
      if (char === "\\") end++;
      else if (char === "[") inClass = true;
      else if (char === "]") inClass = false;
      else if (char === "/" && !inClass) break;
    }
    this.#at++;
    this.#blankTo(end);
    this.#at++;
  }
}

const fromClause =
  /\b(?:import|export)\s*(type\s+)?((?:[\w$]+\s*,\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+[\w$]+)?)|[\w$]+)\s*from\s*["']/g;
const bareImport = /\bimport\s*["']/g;
const dynamicImport = /\bimport\s*\(\s*["'`]/g;

function findImports(text: string, code: string): ImportStatement[] {
  const found: ImportStatement[] = [];
  const add = (match: RegExpMatchArray, typeOnly: boolean) => {
    const quoteAt = (match.index ?? 0) + match[0].length - 1;
    const end = text.indexOf(text[quoteAt] ?? "", quoteAt + 1);
    found.push({
      specifier: text.slice(quoteAt + 1, end),
      line: lineAt(text, match.index ?? 0),
      typeOnly,
    });
  };
  for (const match of code.matchAll(fromClause)) add(match, match[1] !== undefined);
  for (const match of code.matchAll(bareImport)) add(match, false);
  for (const match of code.matchAll(dynamicImport)) add(match, false);
  return found.sort((a, b) => a.line - b.line);
}
