/** A progress bar out of characters that a terminal can show. */

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** How a terminal shows what is not ASCII. */
export interface Glyphs {
  unicode: boolean;
}

/** `fraction` (0 to 1) as a bar of exactly `columns` columns; full only at 1. */
export function drawBar(fraction: number, columns: number, glyphs: Glyphs): string {
  const inner = Math.max(0, columns - 2);
  const part = Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0));
  if (!glyphs.unicode) {
    const full = Math.floor(part * inner);
    return `[${"#".repeat(full)}${"-".repeat(inner - full)}]`;
  }
  const eighths = Math.floor(part * inner * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
  return `▕${filled}${" ".repeat(inner - Math.ceil(eighths / 8))}▏`;
}
