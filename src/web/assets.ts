/**
 * The page as the daemon serves it, all as text in the program: it needs no build step, and the bundle
 * and the executables have it. `src/web/app` is code for a browser.
 */
import { icon, index, manifest, MODULES, style } from "./texts.js";

/** A file of the page. */
export interface Asset {
  /** Relative to the page: "web/app.js", or "" for the page itself. */
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

/** Where the browser finds packages. */
const PACKAGES: Readonly<Record<string, string>> = {
  "htm": "./htm.js",
  "preact": "./preact.js",
  "preact/hooks": "./hooks.js",
};

/** In any order of paths. */
export function pageAssets(): Asset[] {
  const scripts = Object.entries(MODULES).map(([name, text]) => script(name, text));
  const preloads = firstNeeded(scripts).map((path) => `<link rel="modulepreload" href="${path}">`);
  return [
    { path: "", type: "text/html", text: index.replace("<!-- modules -->", preloads.join("\n")) },
    { path: "web/style.css", type: "text/css", text: style.replace(/^\s+/gm, "") },
    { path: "web/icon.svg", type: "image/svg+xml", text: icon },
    { path: "web/manifest.webmanifest", type: "application/manifest+json", text: manifest },
    ...scripts,
  ];
}

/** Paths of the modules that app.js imports, directly or not; the others are loaded when they are used. */
function firstNeeded(scripts: readonly Asset[]): string[] {
  const needed = ["web/app.js"];
  for (const path of needed) {
    const { text } = scripts.find((script) => script.path === path)!;
    for (const [, name] of text.matchAll(/\bfrom\s*"\.\/([^"]+)"/g)) {
      if (!needed.includes(`web/${name}`)) needed.push(`web/${name}`);
    }
  }
  return needed;
}

function script(name: string, text: string): Asset {
  return { path: `web/${name}.js`, type: "text/javascript", text: forBrowser(text) };
}

/** Imports of packages by their place, so that the page needs no inline import map. */
function forBrowser(text: string): string {
  const named = text.replace(/\b(from|import)\s*"(htm|preact|preact\/hooks)"/g, (_, word, name) => {
    return `${word} "${PACKAGES[name]}"`;
  });
  return withoutComments(named).replace(/\n?\/\/# sourceMappingURL=.*/, "");
}

/** Comments and indentation are of no use to a browser. Our modules have neither within texts. */
function withoutComments(text: string): string {
  return text.replace(/\/\*\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "").replace(/^\s+/gm, "");
}
