// Paper is white: what is printed is the light page, whichever the screen shows.
let shown;
addEventListener("beforeprint", () => {
  shown = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = shown;
});

// What scrolls sideways in a box of its own can be reached, and so scrolled, with the tab key. A box
// has its size when its fold is opened, its formula set or the window made narrower.
const sizes = new ResizeObserver((changes) => {
  for (const { target: box } of changes) {
    const wide = box.scrollWidth > box.clientWidth + 1; // more than what rounding makes of it
    box.classList.toggle("wide", wide);
    if (wide && getComputedStyle(box).overflowX === "auto") {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
});
addEventListener("DOMContentLoaded", () => {
  const boxes = ".bd-article :is(pre, figure, div.math, span.math)";
  for (const box of document.querySelectorAll(boxes)) sizes.observe(box);
});

// What the theme's scripts leave to be desired for those who work with the keyboard. They run when
// the page is read, too, and stand before this one.
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".toggle-button")) {
    button.setAttribute("aria-label", foldName(button.closest(".admonition")));
  }
  // A hundred stops on a page's way; what is copied can be selected as well.
  for (const button of document.querySelectorAll(".copybtn")) button.tabIndex = -1;
  // The theme blurs this button on a click; after a key, the next key is for it again.
  const theme = document.querySelector(".theme-switch-button");
  theme?.addEventListener("click", (click) => click.detail === 0 && theme.focus());
});

// "Answer, in A hole is a code that nobody taught", "Hint 1, in Exercise 7.1 (Which are alive?)"
function foldName(fold) {
  const exercise = fold.parentElement.closest(".exercise");
  const place = exercise ?? fold.closest("section:has(> h1, > h2, > h3, > h4)");
  const heading = place?.querySelector(":scope > :is(.admonition-title, h1, h2, h3, h4)");
  const title = words(fold.querySelector(".admonition-title"));
  return heading ? `${title}, in ${words(heading)}` : title;
}

function words(heading) {
  const copy = heading.cloneNode(true);
  for (const extra of copy.querySelectorAll("button, .headerlink")) extra.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

// The index holds the names of Greek letters, as TeX writes them: beta for β. The page searches
// when the document is ready, after this listener.
const GREEK = {
  α: "alpha", β: "beta", γ: "gamma", δ: "delta", ε: "epsilon", θ: "theta", λ: "lambda",
  μ: "mu", ξ: "xi", π: "pi", ρ: "rho", σ: "sigma", τ: "tau", φ: "phi", ψ: "psi", ω: "omega",
};
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const perform = Search.performSearch;
  Search.performSearch = (query) =>
    perform(query.replace(/[α-ω]/gi, (letter) => ` ${GREEK[letter.toLowerCase()] ?? letter} `).trim());
});
