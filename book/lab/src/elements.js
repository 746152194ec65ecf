/** make("p.lab-note", {role: "status"}, "text", child, ...) */

/**
 * @param {string} what tag and classes
 * @param {Record<string, any>} [attributes] those that begin with "on" are listeners
 * @param {...(Node | string)} children
 * @returns {any} the element
 */
export function make(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

let serial = 0;

/**
 * A labelled list to choose from.
 *
 * @param {string} label
 * @param {Record<string, string>} options value: what is shown
 * @param {(value: string) => void} changed
 */
export function chooser(label, options, changed) {
  const id = `lab-choice-${serial++}`;
  const select = make("select", { id, onchange: () => changed(select.value) });
  const fill = (/** @type {Record<string, string>} */ values) =>
    select.replaceChildren(
      ...Object.entries(values).map(([value, text]) => make("option", { value }, text)),
    );
  fill(options);
  return { element: make("div.lab-field", {}, make("label", { for: id }, label), select), select, fill };
}

/**
 * A labelled number, to slide or to type.
 *
 * @param {string} label
 * @param {[number, number]} range
 * @param {(value: number) => void} changed
 */
export function slider(label, [min, max], changed) {
  const id = `lab-choice-${serial++}`;
  const shown = make("output", { for: id });
  const input = make("input", {
    id, type: "range", min, max,
    oninput: () => (shown.textContent = input.value),
    onchange: () => changed(Number(input.value)),
  });
  const set = (/** @type {number} */ value) => (shown.textContent = input.value = String(value));
  return { element: make("div.lab-field", {}, make("label", { for: id }, label, " ", shown), input), set };
}
