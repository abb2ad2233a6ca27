// The list of answers, the newest first: one card for each picture.

import { say } from "./words.js";

const SHOWN = 5; // classes
const TOLD = 20; // answers
const list = document.getElementById("answers");
const section = document.getElementById("results");
const cards = new Set();

// A card for a picture that is being looked at; `url` shows it.
export function addCard(name, url) {
  const element = document.createElement("li");
  const card = { name, url, element, state: "working" };
  cards.add(card);
  list.prepend(element);
  section.hidden = false;
  render(card);
  return card;
}

export function showAnswer(card, classes, probabilities) {
  const order = probabilities.map((_, row) => row).sort((a, b) => probabilities[b] - probabilities[a]);
  const best = order.slice(0, SHOWN).map((row) => [classes[row], probabilities[row]]);
  Object.assign(card, { state: "answered", best, others: classes.length - best.length });
  render(card);
  tell(card);
}

// `look` gives a picture of what the network looked at.
export function offerLooking(card, look) {
  card.look = look;
  render(card);
}

// `why` is the name of a text.
export function showFailure(card, why) {
  Object.assign(card, { state: "failed", why });
  render(card);
  announce(`${card.name}: ${say(why)}`);
}

export function removeAll() {
  for (const { url, looked } of cards) for (const each of [url, looked]) URL.revokeObjectURL(each);
  cards.clear();
  list.replaceChildren();
  section.hidden = true;
}

let threshold = 0;

export function setThreshold(chosen) {
  threshold = chosen;
  renderAll();
}

export function renderAll() {
  cards.forEach(render);
}

function render(card) {
  const picture = make("img", { src: card.url, alt: card.name });
  // What the browser cannot show is said in words.
  picture.addEventListener("error", () => picture.remove());
  const told = make("div");
  told.append(make("p", { className: "file", textContent: card.name }));
  if (card.state === "working") told.append(make("p", { textContent: say("working") }));
  if (card.state === "failed")
    told.append(make("p", { className: "wrong-text", textContent: say(card.why) }));
  const parts = [picture, told];
  if (card.state === "answered") {
    told.append(verdict(card));
    parts.push(bars(card));
    if (card.look) parts.push(looking(card));
  }
  card.element.replaceChildren(...parts);
}

function verdict({ best: [[label, probability]] }) {
  const p = say("percent", probability);
  if (probability >= threshold)
    return make("p", { className: "verdict", textContent: label });
  const unsure = make("p", { className: "verdict unsure", textContent: say("unsure") });
  unsure.append(make("span", { className: "soft", textContent: say("most", label, p) }));
  return unsure;
}

function bars({ best, others }) {
  const table = make("table");
  for (const [label, probability] of best) {
    const row = table.insertRow();
    row.append(make("th", { scope: "row", textContent: label }));
    const bar = make("span", { className: "bar" });
    bar.append(make("span"));
    bar.firstChild.style.width = `${100 * probability}%`;
    row.insertCell().append(bar);
    const number = row.insertCell();
    number.className = "number";
    number.textContent = say("percent", probability);
  }
  if (others > 0) {
    const cell = table.insertRow().insertCell();
    Object.assign(cell, { colSpan: 3, className: "soft small", textContent: say("more", others) });
  }
  return table;
}

function looking(card) {
  const box = make("div", { className: "looked" });
  if (card.looked) {
    box.append(make("img", { src: card.looked, alt: say("lookAt") }));
    box.append(make("p", { className: "soft small", textContent: say("lookedWhat") }));
    return box;
  }
  const button = make("button", { type: "button", textContent: say("lookAt") });
  const told = make("p", { className: "wrong-text", textContent: card.failed ? say(card.failed) : "" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = say("working");
    try {
      card.looked = URL.createObjectURL(await card.look());
    } catch (error) {
      card.failed = error.why ?? "busy";
    }
    render(card);
  });
  box.append(button, told);
  return box;
}

function tell({ name, best: [[label, probability]] }) {
  const key = probability >= threshold ? "told" : "toldUnsure";
  announce(say(key, name, label, say("percent", probability)));
}

// Screen readers read out what is added here.
function announce(text) {
  const told = document.getElementById("told");
  told.append(make("p", { textContent: text }));
  if (told.children.length > TOLD) told.firstChild.remove();
}

function make(kind, properties = {}) {
  return Object.assign(document.createElement(kind), properties);
}
