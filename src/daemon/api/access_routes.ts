/** Signing in, and tokens. */
import * as v from "valibot";
import { ShoalError } from "../../util/errors.ts";
import { json } from "../http/replies.ts";
import { makeToken } from "../http/tokens.ts";
import type { ApiPorts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";
import { TOKEN } from "./schemas.ts";

/** A token of this name is there already. */
class TokenExistsError extends ShoalError {
  readonly code = "exists";
}

const MOST_TOKENS = 100;
const NAME = v.pipe(v.string(), v.minLength(1), v.maxLength(100));
const NEW_TOKEN = v.strictObject({ name: NAME, may: v.picklist(["read", "add", "all"]) });
const LOGIN = v.strictObject({ user: v.string(), password: v.string() });

export function accessRoutes({ auth, settings, platform }: ApiPorts): Route[] {
  const { clock, random, hasher } = platform;
  return [
    route("POST /login", "Signs a browser in: sets a cookie", {
      needs: "nothing",
      body: LOGIN,
      handle: async ({ body, request, visit }) => {
        const refused = await auth.signIn(body, visit);
        if (refused !== null) return refused;
        const isSecure = request.headers.get("x-forwarded-proto") === "https";
        const cookie = auth.sessions.begin(settings.present.password, clock.now(), isSecure);
        return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
      },
    }),
    route("DELETE /login", "Signs a browser out", {
      needs: "nothing",
      handle: ({ request }: Call) => {
        const headers = { "set-cookie": auth.sessions.end(request) };
        return new Response(null, { status: 204, headers });
      },
    }),
    route("GET /tokens", "Names of the tokens, and what each may do", {
      needs: "all",
      reply: v.object({ tokens: v.array(TOKEN) }),
      handle: () => ({ tokens: settings.present.tokens.map(({ name, may }) => ({ name, may })) }),
    }),
    route("POST /tokens", "Makes a token; its text is shown this one time", {
      needs: "all",
      body: NEW_TOKEN,
      reply: v.object({ ...TOKEN.entries, token: v.string() }),
      status: 201,
      handle: async ({ body: { name, may } }) => {
        const { tokens } = settings.present;
        if (tokens.length >= MOST_TOKENS) throw new RangeError(`${MOST_TOKENS} tokens are enough`);
        if (tokens.some((token) => token.name === name)) {
          throw new TokenExistsError(
            `There is a token ${name} already: remove it, or choose another name`,
          );
        }
        const { text, hash } = makeToken(random, hasher);
        await settings.update({ tokens: [...tokens, { name, hash, may }] });
        return json({ name, may, token: text }, 201);
      },
    }),
    route("DELETE /tokens/{name}", "Removes a token", {
      needs: "all",
      handle: async ({ params }: Call) => {
        const { tokens } = settings.present, { name } = params;
        const others = tokens.filter((token) => token.name !== name);
        if (others.length < tokens.length) await settings.update({ tokens: others });
      },
    }),
  ];
}
