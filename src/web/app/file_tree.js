/** Files by their folders. */

/**
 * @typedef {{ index: number, name: string, size: number, bytesDone: number, priority: number }} TorrentFile
 * @typedef {{
 *   name: string, path: string, folders: Folder[], files: (TorrentFile & { label: string })[], all: TorrentFile[],
 * }} Folder
 */

/** @param {string} name @param {string} path @returns {Folder} */
const folderOf = (name, path) => ({ name, path, folders: [], files: [], all: [] });

/** The root; `all` of a folder has the files below it, too. @param {readonly TorrentFile[]} files */
export function treeOf(files) {
  const root = folderOf("", "");
  /** @type {Map<string, Folder>} */
  const known = new Map([["", root]]);
  for (const file of files) {
    const parts = file.name.split("/"), label = parts.pop() ?? "";
    let folder = root, path = "";
    for (const part of parts) {
      folder.all.push(file);
      path += path === "" ? part : `/${part}`;
      let next = known.get(path);
      if (next === undefined) {
        known.set(path, next = folderOf(part, path));
        folder.folders.push(next);
      }
      folder = next;
    }
    folder.all.push(file);
    folder.files.push({ ...file, label });
  }
  return root;
}
