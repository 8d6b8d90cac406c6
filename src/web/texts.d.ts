/** The scripts of the page, by name. */
export const MODULES: Readonly<Record<string, string>>;
export const icon: string;
export const index: string;
export const manifest: string;
export const style: string;
