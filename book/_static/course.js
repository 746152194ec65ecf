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
