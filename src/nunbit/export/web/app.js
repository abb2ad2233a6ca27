// The page: pictures in, answers out. What it says is in words.js, what it computes in model.js.

import { closeCamera, openCamera, takePicture } from "./camera.js";
import { checksBrowser, keepsOffline, lookingAt, pageName } from "./here.js";
import { classify, model } from "./model.js";
import { addCard, offerLooking, removeAll, renderAll, setThreshold, showAnswer, showFailure } from "./results.js";
import { currentLanguage, languages, say, setLanguage, translate } from "./words.js";

const at = (id) => document.getElementById(id);
let status = () => say("loading");
let cameraPictures = 0;
let chosenAccuracy; // "" answers every picture

// ---- Pictures
const failures = { RangeError: "tooLarge", NotSupportedError: "otherwise" };

async function look(blob, name) {
  const card = addCard(name, URL.createObjectURL(blob));
  try {
    const { contract } = await model;
    const { probabilities } = await classify(blob);
    showAnswer(card, contract.classes, probabilities);
    const looking = await lookingAt(blob);
    if (looking) offerLooking(card, looking);
  } catch (error) {
    showFailure(card, error.why ?? failures[error.name] ?? "unreadable");
  }
}

function lookAtAll(files) {
  for (const file of files) look(file, file.name || say("pasted"));
}

function listenForPictures() {
  at("choose").addEventListener("click", () => at("files").click());
  at("files").addEventListener("change", () => {
    lookAtAll([...at("files").files]);
    at("files").value = ""; // so that the same file can be chosen again
  });
  document.addEventListener("paste", (event) => lookAtAll(event.clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
  document.addEventListener("dragleave", () => at("drop").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    at("drop").classList.remove("over");
    lookAtAll(event.dataTransfer.files);
  });
  at("clear").addEventListener("click", () => {
    removeAll();
    at("choose").focus();
  });
}

function listenForCamera() {
  at("open-camera").addEventListener("click", async () => {
    try {
      await openCamera();
      at("take").focus();
    } catch {
      show(() => say("noCamera"));
    }
  });
  at("take").addEventListener("click", async () => {
    look(await takePicture(), say("cameraPicture", ++cameraPictures));
  });
  at("close-camera").addEventListener("click", () => {
    closeCamera();
    at("open-camera").focus();
  });
}

// ---- What is said about the model
function show(text) {
  status = text;
  at("status").textContent = text();
}

function offerThresholds(thresholds) {
  const known = Object.keys(thresholds).sort();
  at("sure").hidden = known.length === 0;
  const choice = at("accuracy");
  chosenAccuracy ??= known.includes("0.95") ? "0.95" : "";
  const options = known.map((a) => new Option(say("only", say("target", Number(a))), a));
  choice.replaceChildren(new Option(say("always"), ""), ...options);
  choice.value = chosenAccuracy;
  const threshold = thresholds[choice.value] ?? 0;
  at("threshold").textContent = choice.value ? say("sureAbove", say("percent", threshold)) : "";
  setThreshold(threshold);
}

function describe({ architecture, classes, preprocess, files, version }) {
  const shown = version ?? files["model.onnx"].slice(0, 12);
  const facts = {
    model: shown ? `${architecture} (${shown})` : architecture,
    classes: `${classes.length}: ${classes.slice(0, 20).join(", ")}${classes.length > 20 ? ", …" : ""}`,
    input: say("pixels", preprocess.width, preprocess.height, preprocess.channels),
  };
  at("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([key, value]) => [
      Object.assign(document.createElement("dt"), { textContent: say(key) }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
}

async function check() {
  at("check").disabled = true;
  const told = at("checked");
  try {
    const { checkBrowser } = await import("./check.js");
    const found = await checkBrowser((done, all) => (told.textContent = say("checking", done, all)));
    const difference = found.difference.toExponential(1);
    told.textContent = say("checked", found.equal, found.files, difference);
    if (found.other.length) told.textContent += ` ${say("checkedDiffer", found.other.join(", "))}`;
  } catch {
    told.textContent = say("checkFailed");
  }
  at("check").disabled = false;
}

async function nameThePage() {
  document.title = at("name").textContent = await pageName();
}

// ---- Start
function listenForLanguage() {
  for (const [code, name] of Object.entries(languages)) at("language").add(new Option(name, code));
  at("language").value = currentLanguage();
  at("language").addEventListener("change", () => setLanguage(at("language").value));
}

async function start() {
  listenForLanguage();
  translate();
  show(status);
  nameThePage().catch(() => {});
  if (keepsOffline) navigator.serviceWorker?.register("sw.js").catch(() => {});
  at("checking").hidden = !checksBrowser;
  try {
    const { contract } = await model;
    const sayAgain = () => {
      show(status);
      offerThresholds(contract.thresholds);
      describe(contract);
      renderAll();
      at("checked").textContent = "";
      at("files").ariaLabel = say("choose");
    };
    document.addEventListener("said", sayAgain);
    at("accuracy").addEventListener("change", () => {
      chosenAccuracy = at("accuracy").value;
      offerThresholds(contract.thresholds);
    });
    at("check").addEventListener("click", check);
    status = () => say("ready");
    sayAgain();
  } catch (error) {
    show(() => say("failed", error.message));
    return;
  }
  listenForPictures();
  listenForCamera();
  at("open-camera").hidden = !navigator.mediaDevices?.getUserMedia;
  at("check").disabled = false;
  at("ask").hidden = false;
}

start();
