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
