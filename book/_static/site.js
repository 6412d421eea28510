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
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const boxes = ".bd-article :is(pre, figure, div.math, span.math, mjx-container)";
  for (const box of document.querySelectorAll(boxes)) sizes.observe(box);
});

// The theme's buttons name what they do: print, toggleFullScreen. A script in their markup, as the
// theme has it, is forbidden by the pages' policy (book/_ext/content_policy.py).
addEventListener("click", ({ target }) => window[target.closest("[data-press]")?.dataset.press]?.());

// The contents scroll to the page that is read.
addEventListener("DOMContentLoaded", () => {
  document.querySelector(".bd-sidenav .current > a.current")?.scrollIntoView({ block: "nearest" });
});

// What the theme's scripts leave to be desired for those who work with the keyboard. They run when
// the page is read, too, and stand before this one.
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".toggle-button")) {
    button.setAttribute("aria-label", foldName(button.closest(".admonition")));
  }
  makeOneStop([...document.querySelectorAll(".copybtn")]);
  // The theme blurs this button on a click; after a key, the next key is for it again.
  const theme = document.querySelector(".theme-switch-button");
  theme?.addEventListener("click", (click) => click.detail === 0 && theme.focus());
});

// A page's copy buttons, a hundred, are one stop of the tab key; arrow keys go to the others.
function makeOneStop(buttons) {
  const stop = (chosen) => buttons.forEach((b) => (b.tabIndex = b === chosen ? 0 : -1));
  const inSight = () => buttons.filter((button) => button.checkVisibility());
  stop(inSight()[0]);
  for (const button of buttons) {
    button.setAttribute("aria-label", "Copy this code; arrow keys go to other code");
    button.addEventListener("keydown", (press) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[press.key];
      const others = inSight();
      const next = step && others[others.indexOf(button) + step];
      if (!next) return;
      press.preventDefault();
      stop(next);
      next.focus();
    });
  }
}

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
