/**
 * Content types of files in torrents. Only media are shown by browsers: anything else, HTML and SVG
 * above all, could act as a page of the daemon, so it is saved instead.
 */

const MEDIA: Readonly<Record<string, string>> = {
  mp4: "video/mp4",
  m4v: "video/mp4",
  mkv: "video/x-matroska",
  webm: "video/webm",
  avi: "video/x-msvideo",
  mov: "video/quicktime",
  mpg: "video/mpeg",
  mpeg: "video/mpeg",
  ts: "video/mp2t",
  m2ts: "video/mp2t",
  wmv: "video/x-ms-wmv",
  flv: "video/x-flv",
  ogv: "video/ogg",
  "3gp": "video/3gpp",
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  m4b: "audio/mp4",
  aac: "audio/aac",
  flac: "audio/flac",
  ogg: "audio/ogg",
  oga: "audio/ogg",
  opus: "audio/ogg",
  wav: "audio/wav",
  wma: "audio/x-ms-wma",
};
const SUBTITLES: Readonly<Record<string, string>> = {
  srt: "application/x-subrip; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
  ass: "text/x-ssa; charset=utf-8",
  ssa: "text/x-ssa; charset=utf-8",
  sub: "text/plain; charset=utf-8",
};

/** Null for what is neither media nor subtitles. */
export function mediaTypeOf(name: string): string | null {
  const extension = extensionOf(name);
  return MEDIA[extension] ?? SUBTITLES[extension] ?? null;
}

export function isMedia(name: string): boolean {
  return Object.hasOwn(MEDIA, extensionOf(name));
}

export function isVideo(name: string): boolean {
  return MEDIA[extensionOf(name)]?.startsWith("video/") ?? false;
}

export function isSubtitle(name: string): boolean {
  return Object.hasOwn(SUBTITLES, extensionOf(name));
}

function extensionOf(name: string): string {
  return /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
}
