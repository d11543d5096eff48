// Elements, made in one line each. Text is always text: nothing that a server says is ever read as HTML.

type Attributes = { [name: string]: string | boolean | ((event: Event) => void) };

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function choice<T extends string>(
  id: string,
  label: string,
  options: readonly (readonly [T, string])[],
  chosen: T,
  changed: (value: T) => void,
): HTMLElement {
  const select = make("select", { id, change: (event) => changed((event.target as HTMLSelectElement).value as T) });
  for (const [value, text] of options) select.append(make("option", { value, selected: value === chosen }, text));
  return make("label", { for: id }, make("span", {}, label), select);
}

export function tick(id: string, label: string, on: boolean, changed: (on: boolean) => void): HTMLElement {
  const box = make("input", { id, type: "checkbox", checked: on, change: (event) => changed((event.target as HTMLInputElement).checked) });
  return make("label", { for: id, class: "tick" }, box, make("span", {}, label));
}

/** A square of a colour, beside the words that say what it means. */
export function swatch(colour: string): HTMLElement {
  const square = make("span", { class: "swatch", "aria-hidden": "true" });
  square.style.backgroundColor = colour;
  return square;
}
