/** The paths that a page of documentation names, so that a test can find missing ones. */

/**
 * Paths in back-ticked words of `markdown`: words that end in "/" or in a known file ending, or
 * that hold a "/". Commands, flags, addresses and patterns are not paths.
 */
export function namedPaths(markdown: string): string[] {
  const paths = new Set<string>();
  for (
    const [, quoted = ""] of markdown.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)
  ) {
    const word = quoted.trim();
    if (/^[\w.-]+(\/[\w.-]+)*\/?$/.test(word) && looksLikePath(word)) paths.add(word);
  }
  return [...paths];
}

function looksLikePath(word: string): boolean {
  return word.includes("/") || /^[\w.-]+\.(ts|md|json|py|js|sh)$/.test(word);
}
