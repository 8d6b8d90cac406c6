/**
 * The header "authorization" of a URL's user and password, "user:password" as it stands in the URL:
 * percent-encoded, and not always UTF-8.
 */
export function basicAuth(credentials: string): string {
  const bytes = credentials.replace(
    /%([0-9a-fA-F]{2})/g,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
  return `Basic ${btoa(bytes)}`;
}
