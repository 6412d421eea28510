// Paper is white: what is printed is the light page, whichever the screen shows.
let shown;
addEventListener("beforeprint", () => {
  shown = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = shown;
});

// What scrolls sideways in a box of its own can be reached, and so scrolled, with the tab key.
function reachScrolling() {
  const boxes = ".bd-article :is(figure, div.math, span.math, mjx-container)";
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX === "auto") {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}
addEventListener("load", () => {
  const formulas = window.MathJax?.startup?.promise ?? Promise.resolve();
  formulas.then(reachScrolling);
});
addEventListener("resize", reachScrolling);
