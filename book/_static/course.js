// What is wider than its column scrolls by itself, and then by keyboard too.
document.addEventListener("DOMContentLoaded", () => {
  const watcher = new ResizeObserver((all) => {
    for (const { target } of all)
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
  });
  const wide = "article :is(.pst-scrollable-table-container, pre, div.math, .output)";
  for (const each of document.querySelectorAll(wide)) watcher.observe(each);
});

// What the search shows of a page is taken from its text, without the menus around it.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const textOf = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = page.querySelector("article");
    if (article) page.querySelector('[role="main"]')?.replaceChildren(article);
    return textOf(page.documentElement.outerHTML, anchor);
  };
});

// A result in a sentence shows the cell that computed it; pressed, it leads there.
document.addEventListener("DOMContentLoaded", () => {
  const results = document.querySelectorAll("a.traced");
  if (!results.length || !HTMLElement.prototype.showPopover) return;
  const card = Object.assign(document.createElement("div"), { id: "computed", popover: "manual" });
  document.querySelector("article").append(card);
  let shown, closing;

  function show(result) {
    clearTimeout(closing);
    if (result === shown) return;
    const highlighted = document.querySelector(`${result.hash} .highlight`).cloneNode(true);
    const cell = highlighted.querySelector("pre");
    const link = Object.assign(document.createElement("a"), { href: result.hash, textContent: "To this cell" });
    highlighted.querySelector("button")?.remove(); // which copies the cell that has its id
    cell.removeAttribute("id");
    card.replaceChildren(highlighted, link);
    card.showPopover();
    const at = result.getBoundingClientRect();
    const below = at.bottom + card.offsetHeight + 4 < innerHeight;
    card.style.top = `${below ? at.bottom + 4 : Math.max(0, at.top - card.offsetHeight - 4)}px`;
    card.style.left = `${Math.max(0, Math.min(at.left, innerWidth - card.offsetWidth - 8))}px`;
    const name = [...cell.querySelectorAll(".s2")].find((s) => s.textContent === `"${result.dataset.result}"`);
    name?.classList.add("traced-name");
    cell.scrollTop = name ? name.offsetTop - cell.clientHeight / 2 : 0;
    shown = result;
  }

  function hide() {
    card.hidePopover();
    shown = undefined;
  }

  function hideSoon() {
    clearTimeout(closing);
    closing = setTimeout(hide, 300); // time to move onto the card
  }

  for (const result of results) {
    result.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(result));
    result.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideSoon());
    result.addEventListener("focus", () => result.matches(":focus-visible") && show(result));
    result.addEventListener("blur", hideSoon);
    result.addEventListener("click", (event) => {
      if (event.pointerType === "touch") {
        event.preventDefault(); // the card has the link
        show(result);
      } else hide();
    });
  }
  card.addEventListener("pointerenter", () => clearTimeout(closing));
  card.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideSoon());
  card.addEventListener("focusin", () => clearTimeout(closing));
  card.addEventListener("focusout", hideSoon);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("scroll", () => shown && hide(), { passive: true });
  document.addEventListener("pointerdown", ({ target }) => {
    if (shown && target !== shown && !card.contains(target)) hide();
  });
});
