/** Small pieces that all screens are made of. */
import { h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";
import { T } from "./texts.js";

export const html = htm.bind(h);

/** Draws the component again when the store changes. @param {import("./store.js").Store} store */
export function useStore(store) {
  const [, draw] = useState(0);
  useEffect(() => {
    draw((n) => n + 1); // It may have changed since it was first drawn.
    return store.onChange(() => draw((n) => n + 1));
  }, [store]);
}

/**
 * What `load` gives, again every `everyMs` while the tab is shown.
 *
 * @template V
 * @param {() => Promise<V>} load
 * @param {unknown} key loads again when it changes
 * @param {number} [everyMs]
 * @returns {{ value: V | null, error: Error | null, again: () => Promise<void> }}
 */
export function useLoaded(load, key, everyMs = 0) {
  const [state, set] = useState(
    /** @type {{ key: unknown, value: V | null, error: Error | null }} */ ({
      key,
      value: null,
      error: null,
    }),
  );
  const latest = useRef(key);
  latest.current = key;
  const again = async () => {
    const [value, error] = await load().then((value) => [value, null], (error) => [null, error]);
    if (latest.current === key) set({ key, value, error });
  };
  useEffect(() => {
    void again();
    if (everyMs === 0) return;
    const timer = setInterval(() => document.hidden || void again(), everyMs);
    return () => clearInterval(timer);
  }, [key]);
  const isOld = state.key !== key;
  return { value: isOld ? null : state.value, error: isOld ? null : state.error, again };
}

/**
 * A modal dialog; Escape and the button close it, and the focus returns to where it was.
 *
 * @param {{ title: string, close: () => void, children?: any, wide?: boolean }} props
 */
export function Dialog({ title, close, children, wide = false }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => before?.focus?.();
  }, []);
  return html`
    <dialog ref=${dialog} class=${wide ? "wide" : ""} aria-label=${title}
      onCancel=${(/** @type {Event} */ event) => (event.preventDefault(), close())}
      onClose=${close}>
      <header><h2>${title}</h2>
          <button class="quiet" type="button" onClick=${close} aria-label=${T
            .close}>✕</button></header>
      <div class="content">${children}</div>
    </dialog>
  `;
}

/** A dialog with a form. `submit` rejects with what the user reads. */
/** @param {{ title: string, verb: string, submit: () => Promise<unknown>, close: () => void, children?: any, wide?: boolean, danger?: boolean }} props */
export function FormDialog({ title, verb, submit, close, children, wide, danger = false }) {
  const form = useForm(async () => {
    await submit();
    close();
  });
  return html`
    <${Dialog} title=${title} close=${close} wide=${wide}>
      <form onSubmit=${form.submit}>
          ${children}
          <${Failure} error=${form.error} />
          <div class="buttons"><button type="button" onClick=${close}>${T.cancel}</button>
            <button class=${danger ? "main danger" : "main"} disabled=${form
              .busy}>${verb}</button></div>
        </form>
      </${Dialog}>
  `;
}

/** @param {() => Promise<unknown>} work */
export function useForm(work) {
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const [busy, setBusy] = useState(false);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError(await work().then(() => null, (error) => error));
    setBusy(false);
  };
  return { error, busy, submit };
}

/** @param {{ error: Error | null }} props */
export function Failure({ error }) {
  return error && html`<p class="failure" role="alert">${error.message}</p>`;
}

/**
 * Tabs by the rules of WAI-ARIA: one tab stop, arrows choose.
 *
 * @param {{ names: Record<string, string>, now: string, choose: (name: string) => void, label: string, children?: any }} props
 */
export function Tabs({ names, now, choose, label, children }) {
  const all = Object.keys(names), list = useRef(/** @type {HTMLElement | null} */ (null));
  const move = (/** @type {KeyboardEvent} */ event) => {
    const steps = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1 });
    const step = steps[event.key];
    if (step === undefined) return;
    const next = all[(all.indexOf(now) + step + all.length) % all.length] ?? now;
    choose(next);
    /** @type {HTMLElement | null} */ (list.current?.querySelector(`#tab-${next}`) ?? null)
      ?.focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
          ${all.map((name) =>
            html`
              <button role="tab" type="button" id=${`tab-${name}`} aria-selected=${name === now}
                aria-controls="tab-panel" tabindex=${name === now ? 0 : -1}
                onClick=${() => choose(name)}>${names[name]}</button>
            `
          )}</div>
    <div class="panel" role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${now}`} tabindex="0">
          ${children}</div>
  `;
}

/** @param {{ label: string, children?: any, hint?: string }} props */
export function Field({ label, children, hint }) {
  return html`<label class="field"><span>${label}</span>${children}
    ${hint && html`<small>${hint}</small>`}</label>`;
}

/** @param {{ label: string, checked: boolean, set: (on: boolean) => void, disabled?: boolean, name?: string }} props */
export function Check({ label, checked, set, disabled, name }) {
  return html`<label class="check"><input type="checkbox" name=${name} checked=${checked}
    disabled=${disabled} onChange=${(/** @type {any} */ e) => set(e.currentTarget.checked)} />
    <span>${label}</span></label>`;
}

/** @param {{ value: string | number, options: readonly (readonly [string | number, string])[], set: (value: string) => void, label?: string, disabled?: boolean }} props */
export function Select({ value, options, set, label, disabled }) {
  return html`
    <select aria-label=${label} disabled=${disabled}
      onChange=${(/** @type {any} */ e) => set(e.currentTarget.value)}>
        ${options.map(([each, text]) =>
          html`<option value=${String(each)} selected=${
            String(each) === String(value)
          }>${text}</option>`
        )}</select>
  `;
}

/** @param {{ share: number }} props */
export function Bar({ share }) {
  return html`<span class="bar" aria-hidden="true"><span style=${{
    transform: `scaleX(${share})`,
  }} /></span>`;
}

/** @param {any} event */
export const valueOf = (event) => event.currentTarget.value;

/**
 * A component that is loaded when it is first shown.
 *
 * @param {{ load: () => Promise<import("preact").ComponentType<any>> } & Record<string, any>} props
 */
export function Later({ load, ...props }) {
  const { value, error } = useLoaded(load, load);
  return value === null ? html`<${Failure} error=${error} />` : html`<${value} ...${props} />`;
}
