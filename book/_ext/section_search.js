// What the search page makes of an index of sections. GREEK, the letters' names, stands above, and
// all of it in a block, so that no name meets those of the other scripts.

const NAMES = Object.fromEntries(Object.entries(GREEK).map(([letter, name]) => [name, letter]));
const spell = (text) =>
  text.replace(/[α-ω]/gi, (letter) => ` ${GREEK[letter.toLowerCase()] ?? letter} `).trim();

// The index holds the names of Greek letters, as TeX writes them: beta for β.
const searchFor = Search.performSearch;
Search.performSearch = (query) => searchFor(spell(query));

// The index has a section's own title, and packs the numbers of the sections that hold a word.
const unpack = (text, place = 0) =>
  [...text].map((gap) => (place += gap.charCodeAt(0) - "#".charCodeAt(0)));
const unpackAll = (terms) =>
  Object.fromEntries(Object.entries(terms).map(([word, text]) => [word, unpack(text)]));
const setIndex = Search.setIndex;
Search.setIndex = (index) => {
  const { docnames, titles, terms, titleterms } = index;
  const alltitles = {};
  titles.forEach((title, i) => (alltitles[title] ??= []).push([i, null]));
  const page = Object.fromEntries(docnames.map((name, i) => [name, titles[i]]));
  const places = docnames.map((name, i) =>
    name.includes("#") ? `${page[name.split("#")[0]]}: ${titles[i]}` : titles[i],
  );
  const unpacked = { terms: unpackAll(terms), titleterms: unpackAll(titleterms) };
  setIndex({ ...index, alltitles, titles: places, ...unpacked });
};

// "KL" is no part of "quickly" for the marks on the pages, nor for the names of objects.
const isPart = (term) => term.length > 2;
const parse = Search._parseQuery;
Search._parseQuery = (query) => {
  const [, terms, excluded, words, objects] = parse(query);
  localStorage.setItem("sphinx_highlight_terms", [...words].filter(isPart).join(" "));
  return [query, terms, excluded, new Set(), objects]; // the results are marked below
};
const searchObjects = Search.performObjectSearch;
Search.performObjectSearch = (term, all) =>
  searchObjects(term, all).filter(
    ([, name]) => isPart(term) || name.toLowerCase().split(/[._]/).includes(term),
  );

// A hit is a section: a document of the index named page#section, whose title says where it is.
Scorer.score = (item) => {
  const [name, , anchor, description, score] = item;
  const [page, section] = name.split("#");
  if (!description) item[1] = Search._index.titles[Search._index.docnames.indexOf(name)];
  item[0] = page;
  item[2] = anchor || (section ? `#${section}` : "");
  return score;
};
// Documentation.addTranslations makes a function of a string, which the pages' policy forbids.
Object.assign(Documentation.TRANSLATIONS, {
  "Search finished, found ${resultCount} page(s) matching the search query.":
    "Search finished, found in ${resultCount} place(s).",
});

// Below it stand the sentences of the section that hold most of the words.
const LONG = 240; // characters, after which no sentence is added
const stemmer = new Stemmer();
const pages = new Map();

Search.makeSearchSummary = (html, terms, anchor) => {
  if (!pages.has(html)) pages.set(html, new DOMParser().parseFromString(html, "text/html"));
  const page = pages.get(html);
  const place = page.getElementById(anchor.slice(1)) ?? page.querySelector("article section");
  const isFound = (word) => terms.has(stemmer.stemWord(word.toLowerCase()));
  const found = (text) => new Set(spell(text).split(/[^\p{L}\p{N}_]+/u).filter(isFound)).size;
  const best = { count: -1 };
  for (const sentences of paragraphs(place)) {
    sentences.forEach((sentence, i) => {
      const count = found(sentence);
      if (count > best.count) Object.assign(best, { count, text: passage(sentences.slice(i)) });
    });
  }
  const summary = document.createElement("p");
  summary.className = "context";
  for (const piece of (best.text ?? "").split(/([\p{L}\p{N}_]+)/u)) {
    const mark = isFound(spell(piece)) && document.createElement("span");
    if (mark) Object.assign(mark, { className: "highlighted", textContent: piece });
    summary.append(mark || piece);
  }
  return summary;
};

// The sentences of each paragraph of a section; a term of the glossary is one with its meaning.
function paragraphs(place) {
  if (place.matches("dt")) return [[`${readable(place)}: ${readable(place.nextElementSibling)}`]];
  return [...place.querySelectorAll("p, li:not(:has(p)), dd:not(:has(p))")]
    .filter((text) => text.closest("section[id]") === place)
    .map((text) => readable(text).split(/(?<=[.?!]["”)]?) (?=["“(]?\p{Lu})/u));
}

function passage(sentences) {
  let text = sentences[0];
  for (const next of sentences.slice(1)) {
    if (text.length + next.length > LONG) break;
    text += ` ${next}`;
  }
  return text;
}

// A paragraph's text; of its formulas those that are a line of letters and digits.
function readable(paragraph) {
  const copy = paragraph.cloneNode(true);
  copy.querySelectorAll("pre, script, button, .headerlink").forEach((e) => e.remove());
  for (const formula of copy.querySelectorAll(".math")) {
    const text = formula.textContent
      .replace(/^\\\(|\\\)$/g, "")
      .replace(/\\(?:mathrm|text)\{(\w+)\}/g, "$1")
      .replace(/\\(?:var)?([a-z]+)/g, (command, name) => NAMES[name] ?? command);
    formula.replaceWith(/[\\^_{}]/.test(text) ? "…" : text);
  }
  return copy.textContent.replace(/\s+/g, " ").trim();
}
