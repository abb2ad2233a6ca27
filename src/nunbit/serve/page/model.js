// The model behind this server; a few pictures at a time.

const SIDE_BY_SIDE = 4;
const WHY = { too_many_pixels: "tooLarge", too_many_bytes: "tooLarge" };
let token = "";

// { contract }: name, version, architecture, classes, thresholds, preprocess.
export const model = describe();

let free = SIDE_BY_SIDE;
const waiting = [];

// The answer to a File or Blob: { probabilities }, in the order of the classes. An error has `why`,
// the name of a text.
export async function classify(source) {
  if (free === 0) await new Promise((go) => waiting.push(go));
  else free--;
  try {
    return await answered(source);
  } finally {
    if (waiting.length) waiting.shift()();
    else free++;
  }
}

async function answered(source) {
  const form = new FormData();
  form.append("files", source, source.name ?? "picture");
  const response = await asked("v1/predict", { method: "POST", body: form });
  if (!response.ok) throw failed((await response.json().catch(() => ({}))).code, response.status);
  const [answer] = (await response.json()).answers;
  if (answer.error) throw failed(answer.code, 422);
  const { classes } = (await model).contract;
  return { probabilities: classes.map((name) => answer.probabilities[name]) };
}

// A picture of what the network looked at in a File or Blob.
export async function explain(source) {
  const headers = { "Content-Type": "application/octet-stream" };
  const response = await asked("v1/explain", { method: "POST", body: source, headers });
  if (!response.ok) throw failed((await response.json().catch(() => ({}))).code, response.status);
  return response.blob();
}

async function asked(address, options = {}) {
  const headers = token ? { ...options.headers, Authorization: `Bearer ${token}` } : options.headers;
  try {
    return await fetch(address, { ...options, headers });
  } catch {
    throw failed("", 0);
  }
}

function failed(code, status) {
  const why = WHY[code] ?? (status === 0 ? "away" : status === 422 ? "unreadable" : "busy");
  return Object.assign(new Error(code || why), { why });
}

async function describe() {
  for (;;) {
    const response = await asked("v1/model");
    if (response.ok) return { contract: await response.json() };
    if (response.status === 401) await askForToken();
    else await new Promise((later) => setTimeout(later, 1000)); // it is still loading
  }
}

// The token is kept by this page alone, until it is closed.
async function askForToken() {
  const { say } = await import("./words.js");
  const make = (kind, properties) => Object.assign(document.createElement(kind), properties);
  const form = make("form", { id: "token" });
  const field = make("input", { type: "password", required: true, autocomplete: "off" });
  const label = make("label", { textContent: `${say("tokenName")} ` });
  label.append(field);
  form.append(
    make("p", { textContent: say("token") }), label,
    make("button", { className: "first", textContent: say("tokenSend") }),
  );
  document.getElementById("status").after(form);
  field.focus();
  await new Promise((given) => form.addEventListener("submit", (event) => {
    event.preventDefault();
    given();
  }));
  token = field.value;
  form.remove();
}
