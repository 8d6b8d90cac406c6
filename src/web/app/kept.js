/** What this browser remembers of the user's choices; nothing where storage is refused. */

/** @template V @param {string} name @param {V} otherwise @returns {V} */
export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(`shoal.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {unknown} value */
export function keep(name, value) {
  try {
    localStorage.setItem(`shoal.${name}`, JSON.stringify(value));
  } catch {
    // Only comfort is lost.
  }
}
