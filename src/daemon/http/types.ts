/** What handlers of the daemon's HTTP server get, and what they say of themselves. */

/** What a caller may do: look, also add torrents, or everything. */
export type Access = "read" | "add" | "all";

/** Who calls: by the Unix socket, with a token, signed in, or on this machine without a password. */
export interface Caller {
  readonly kind: "unix" | "token" | "user" | "open";
  readonly may: Access;
}

/** Where a request comes from. */
export interface Visit {
  /** IP address; empty on the Unix socket. */
  readonly address: string;
  readonly port: number;
  /** By the Unix socket, which only this user can connect to. */
  readonly isUnix: boolean;
}

/** The body of `request` is whole and within the bounds of its mount. */
export type Handler = (
  request: Request,
  who: Caller,
  visit: Visit,
) => Response | Promise<Response>;

/** A handler in its place. Its callers have passed all guards, and may at least `needs`. */
export interface Mount {
  /** "/metrics", or with "/" at its end for all below it. */
  readonly path: string;
  /** "nothing" also lets in those that are not signed in. */
  readonly needs: "nothing" | Access;
  /** Most bytes of a request's body. */
  readonly maxBody: number;
  /**
   * Content types of a body, besides application/json. null: any. Only those that a page of another
   * site cannot send unasked: neither text/plain nor those of forms.
   */
  readonly types: readonly string[] | null;
  /** Asks browsers and clients for name and password. */
  readonly asksForPassword?: true;
  readonly handler: Handler;
}

const RANKS: Readonly<Record<Access, number>> = { read: 0, add: 1, all: 2 };

export function mayDo({ may }: Pick<Caller, "may">, needs: Access): boolean {
  return RANKS[may] >= RANKS[needs];
}
