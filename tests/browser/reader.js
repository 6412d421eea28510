// A reader in the page itself: it scrolls, unfolds and watches, and looks for what no page may do.
// Each look returns a line for each fault.
// Not a module: the tests put it into each page before the page's own scripts, as `reader`.

globalThis.reader = (() => {
  const every = (selector) => [...document.querySelectorAll(`main ${selector}`)];
  const line = (element) => element.textContent.trim().replace(/\s+/g, " ").slice(0, 60);

  const moves = []; // of what is in sight, by itself, as Chromium counts them
  const follows = ({ node }) => node?.closest?.(".bd-sidebar-secondary"); // the reader, on purpose
  const count = (entries) =>
    moves.push(...entries.filter((e) => !e.hadRecentInput && !e.sources.every(follows)));
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });

  const nextFrame = () => new Promise(requestAnimationFrame);

  /** Wait until what fades or unfolds by itself, and comes to an end, has done so. */
  async function settle() {
    await nextFrame();
    const ends = document.getAnimations().filter((e) => e.effect.getComputedTiming().endTime < 1e4);
    await Promise.all(ends.map((e) => e.finished.catch(() => {})));
  }

  /** Scroll to the end, so that all comes that waits to be seen, and back; wait until all stands. */
  async function readToTheEnd() {
    await window.MathJax?.startup?.promise;
    for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
      scrollTo({ top: y, behavior: "instant" });
      await nextFrame();
    }
    const pictures = every("img").filter((e) => e.checkVisibility());
    await Promise.all(pictures.map((e) => e.complete || e.decode().catch(() => {})));
    const patience = performance.now() + 10_000;
    while (figures().length && performance.now() < patience) await nextFrame();
    scrollTo({ top: 0, behavior: "instant" }); // where the bar at the top hides nothing
    await settle();
  }

  const figures = () =>
    every(".live-stage:not([data-ready])")
      .filter((e) => e.parentElement.checkVisibility()) // not within a closed answer
      .map((e) => `live figure: ${e.id} does not come`);

  /** Open what is folded: the theme's details, and the boxes that sphinx-togglebutton folds. */
  async function openFolds() {
    for (const fold of every("details")) fold.open = true;
    for (const button of every(".toggle-hidden .toggle-button")) button.click();
    await nextFrame();
    await settle(); // the observers of sizes have spoken, too
  }

  /**
   * Make few of what there are thousands of, so that axe, which looks at each, is done in seconds:
   * words of code that look like one before become text, and formulas boxes of the same size.
   */
  function condense() {
    const seen = new Set();
    for (const word of every("pre span")) {
      const around = word.closest(".cell_output, .exercise, .solution, .admonition");
      const look = `${word.className} ${around?.className}`;
      if (seen.has(look)) word.replaceWith(word.textContent);
      seen.add(look);
    }
    const drawn = every("mjx-math").map((e) => [e, e.getBoundingClientRect()]);
    for (const [formula, { width, height }] of drawn) {
      formula.replaceChildren();
      Object.assign(formula.style, { display: "block", width: `${width}px`, height: `${height}px` });
    }
    for (const spoken of every("mjx-assistive-mml")) spoken.textContent = spoken.textContent;
  }

  function shifts() {
    count(observer.takeRecords());
    const shifted = moves.reduce((sum, { value }) => sum + value, 0);
    if (shifted < 0.05) return [];
    const { value, sources } = moves.reduce((a, b) => (a.value > b.value ? a : b));
    const what = sources.map(({ node, previousRect, currentRect }) =>
      `${node?.nodeName}.${node?.className ?? ""} ${previousRect.y} to ${currentRect.y}`);
    return [`layout shift: ${shifted.toFixed(3)}, of which ${value.toFixed(3)}: ${what.join(", ")}`];
  }

  function overflow() {
    const wide = document.documentElement.scrollWidth - innerWidth;
    return wide > 0 ? [`overflow: the page is ${wide} px wider than the window`] : [];
  }

  /** Lines of code and of output, and formulas in the text, of which a part is out of sight. */
  function cut() {
    return every(":is(pre, .output, span.math)")
      .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
      .map((e) => `cut: ${e.scrollWidth - e.clientWidth} px of ${line(e)}`);
  }

  function formulas() {
    const raw = /\\[([]|\$\$|\\(?:frac|sum|log|text|math[a-z]+|begin)\b/;
    const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const faults = [];
    while (texts.nextNode()) {
      const { data, parentElement } = texts.currentNode;
      if (raw.test(data) && !parentElement.closest("pre, code, script, style, mjx-container")) {
        faults.push(`raw TeX: ${data.trim().slice(0, 60)}`);
      }
    }
    // Of a row reversed one end is out of reach of its box's scroll bar.
    const cut = every("div.math:has(mjx-math)").filter((e) => {
      const [box, ...parts] = [e, ...e.querySelectorAll("mjx-math, .eqno")].map(
        (x) => x.getBoundingClientRect(),
      );
      const start = box.x - e.scrollLeft - 1;
      const end = start + e.scrollWidth + 2;
      return e.checkVisibility() && parts.some((part) => part.x < start || part.right > end);
    });
    const unset = every(".math").filter((e) => !e.querySelector("mjx-container"));
    const wrong = every(":is(mjx-merror, [data-mjx-error])");
    return [
      ...faults,
      ...cut.map((e) => `formula cut: ${line(e)}`),
      ...unset.map((e) => `formula not set: ${line(e)}`),
      ...wrong.map((e) => `error in a formula: ${line(e)}`),
    ];
  }

  function headings() {
    const levels = every(":is(h1, h2, h3, h4, h5, h6)").map((e) => [Number(e.tagName[1]), line(e)]);
    const first = levels[0]?.[0] === 1 ? [] : ["heading: the first is not of level 1"];
    const skips = levels.filter(([level], i) => i && level > levels[i - 1][0] + 1);
    return [...first, ...skips.map(([, words]) => `heading: a level is skipped before ${words}`)];
  }

  function descriptions() {
    const sentence = /^\P{Ll}.*\s.*\s.*[.!?]["”’)]*$/su; // three words, and an end
    return every("img")
      .filter((e) => !sentence.test(e.alt.trim()))
      .map((e) => `alt text: no sentence: ${e.alt} (${e.getAttribute("src")})`);
  }

  let frames = null; // the times at which a frame began, while they are watched

  function watchFrames() {
    frames = [];
    const note = (time) => {
      frames?.push(time);
      if (frames) requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
  }

  /** Return how many frames a second there were since they are watched, and stop watching. */
  function frameRate() {
    const rate = (1000 * (frames.length - 1)) / (frames.at(-1) - frames[0]);
    frames = null;
    return rate;
  }

  return {
    settle, readToTheEnd, openFolds, condense, watchFrames, frameRate,
    figures, shifts, overflow, cut, formulas, headings, descriptions,
  };
})();
