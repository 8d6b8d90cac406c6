/** Signing in. */
import { useState } from "preact/hooks";
import { ask } from "./api.js";
import { T } from "./texts.js";
import { Failure, Field, html, useForm, valueOf } from "./ui.js";

/** @param {{ done: () => void }} props */
export function Login({ done }) {
  const [user, setUser] = useState("shoal"), [password, setPassword] = useState("");
  const form = useForm(async () => {
    await ask("POST /login", { user, password });
    done();
  });
  return html`
    <main class="login">
      <form onSubmit=${form.submit}>
        <h1>${T.login.title}</h1>
        <${Field}
          label=${T.login
            .user}><input type="text" name="user" autocomplete="username" required value=${user}
          onInput=${(/** @type {any} */ e) => setUser(valueOf(e))} /></${Field}>
        <${Field} label=${T.login
          .password}><input type="password" name="password" autocomplete="current-password" required
          value=${password} onInput=${(/** @type {any} */ e) =>
            setPassword(valueOf(e))} /></${Field}>
        <${Failure} error=${form.error} />
        <button class="main" disabled=${form.busy}>${T.login.submit}</button></form></main>
  `;
}
