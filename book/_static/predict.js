// A prediction: what the reader said stands beside what came out. Without this script it is a
// question above a fold, and works as one.
for (const box of document.querySelectorAll(".predict")) {
  const guess = box.querySelector(":scope > .predict-guess");
  const answer = box.querySelector(":scope > .predict-answer");
  const summary = answer.querySelector("summary");
  const said = document.createElement("p");
  said.className = "predict-said";
  said.role = "status";
  summary.after(said);

  // A click opens after this; one by the keyboard comes here as well, what else opens does not.
  summary.addEventListener("click", () => {
    if (answer.open || guess.disabled) return;
    guess.disabled = true;
    requestAnimationFrame(() => say(guess, said)); // once it is there to be read out
  });
  guess.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || answer.open) return;
    event.preventDefault();
    summary.focus();
    summary.click();
  });
}

// "You said: three. So it is." Or, for whom it was another: "It is: two."
function say(guess, said) {
  const field = guess.querySelector("input:checked, input:not([type=radio])");
  if (!field?.value) return;
  const right = guess.querySelector("[data-right]") ?? (field.dataset.answer && field);
  said.append("You said: ", ...inWords(field, field.value), ".");
  if (!right) return;
  const good = field.type === "radio" ? field === right : distance(field) <= field.dataset.within;
  said.dataset.good = good;
  if (good && !distance(field)) said.append(" So it is.");
  else said.append(good ? " Close: it is " : " It is: ", ...inWords(right, right.dataset.answer), ".");
}

function distance(field) {
  return Math.abs(field.value - field.dataset.answer) || 0; // a choice has none
}

// The words of a choice, formulas too; a number with its unit; what was written.
function inWords(field, value) {
  const beside = field.nextElementSibling;
  if (field.type === "radio") return [...beside.childNodes].map((node) => node.cloneNode(true));
  return [beside ? `${value} ${beside.textContent}`.trim() : `“${value}”`];
}

// A link to what is inside an answer opens it, where the browser does not do so by itself.
function reach() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const answer = target?.closest(".predict-answer:not([open])");
  if (!answer) return;
  answer.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", reach);
reach();
