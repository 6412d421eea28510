// Bring a live figure in when it is about to be seen; until then, and without this script, its
// picture stands there. It is the one script that a page with such figures loads at once.

const NEAR = 500; // pixels below the window
const observer = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      observer.unobserve(entry.target);
      bringIn(entry.target);
    }
  },
  { rootMargin: `${NEAR}px` },
);

/** @param {Element} figure as the directive `live` writes it */
async function bringIn(figure) {
  const stage = figure.querySelector(".live-stage");
  const { figure: name, source } = stage.dataset;
  try {
    const files = (source?.split(" ") ?? []).map((file) => `./data/${file}.json`);
    const [{ mount }, ...data] = await Promise.all([
      import(`./figures/${name}.js`),
      ...files.map((file) => read(new URL(file, import.meta.url))),
    ]);
    stage.hidden = false;
    figure.classList.add("live-on");
    await mount(stage, data.length > 1 ? Object.assign({}, ...data) : data[0]);
    stage.dataset.ready = "true";
  } catch (error) {
    figure.classList.remove("live-on"); // the picture again
    stage.hidden = true;
    console.error(`the live figure ${name} failed:`, error);
  }
}

/** @param {URL} address */
async function read(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address.pathname}: ${response.status}`);
  return response.json();
}

for (const figure of document.querySelectorAll("figure.live")) {
  // What is in view at once does not wait for the observer, which speaks after the first frame.
  const { top, bottom } = figure.getBoundingClientRect();
  const near = top < innerHeight + NEAR && bottom > -NEAR;
  if (near && figure.checkVisibility()) bringIn(figure); // not within a closed answer
  else observer.observe(figure);
}
