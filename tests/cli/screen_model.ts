/** A terminal's screen as far as shoal uses one: enough to see what a person would see. */
import { widthOf } from "../../src/cli/render/text.ts";

export class ScreenModel {
  #rows: string[] = [""];
  #row = 0;
  #column = 0;
  /** Rows above this one have scrolled away and cannot be reached. */
  #top = 0;

  constructor(readonly columns: number, readonly height: number) {}

  /** The rows as text, without empty ones at the end. */
  text(): string[] {
    const rows = this.#rows.map((row) => row.trimEnd());
    while (rows.at(-1) === "") rows.pop();
    return rows;
  }

  write(text: string): void {
    // deno-lint-ignore no-control-regex
    const tokens = text.match(/\x1b\[[0-9;?]*[A-Za-z]|[\s\S]/gu) ?? [];
    for (const token of tokens) {
      if (token === "\n") this.#newLine();
      else if (token === "\r") this.#column = 0;
      else if (token.startsWith("\x1b[")) this.#control(token.slice(2));
      else this.#print(token);
    }
  }

  #control(code: string): void {
    if (code === "J") {
      this.#rows.length = this.#row + 1;
      this.#rows[this.#row] = this.#rows[this.#row]!.slice(0, this.#column);
    } else if (/^\d+A$/.test(code)) this.#row = Math.max(this.#top, this.#row - parseInt(code));
    else if (!/^[\d;]*m$/.test(code)) throw new Error(`The screen model does not know ESC[${code}`);
  }

  #print(character: string): void {
    if (this.#column + widthOf(character) > this.columns) this.#newLine();
    const row = this.#rows[this.#row]!.padEnd(this.#column);
    this.#rows[this.#row] = row.slice(0, this.#column) + character + row.slice(this.#column + 1);
    this.#column += widthOf(character);
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    this.#rows[this.#row] ??= "";
    this.#top = Math.max(this.#top, this.#row - this.height + 1);
  }
}
