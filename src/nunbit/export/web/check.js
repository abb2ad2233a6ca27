// The conformance kit, sent through this page in this browser: its pixels and its answers beside
// nunbit's. Browsers that protect against tracking may change pixels, and this tells.

import { classify, model } from "./model.js";

const folder = new URL("./conformance/", import.meta.url).href;

// { files, equal, other, difference }; `progress` is told how many of how many are done.
export async function checkBrowser(progress) {
  const { files } = await (await fetched("expected.json")).json();
  const possible = files.filter((file) => file.browsers && file.canvas);
  const { height, width, channels } = (await model).contract.preprocess;
  const found = { files: possible.length, equal: 0, other: [], difference: 0 };
  for (const [done, file] of possible.entries()) {
    progress(done, possible.length);
    const got = await classify(await (await fetched(file.file)).blob()).catch(() => null);
    const wanted = await canvasOf(await (await fetched(file.canvas)).blob(), channels);
    const same = got !== null && wanted.length === height * width * channels &&
      wanted.every((value, place) => value === got.canvas[place]);
    if (same) found.equal++;
    else found.other.push(file.file);
    for (const [row, p] of got?.probabilities.entries() ?? [])
      found.difference = Math.max(found.difference, Math.abs(p - file.probabilities[row]));
  }
  return found;
}

async function fetched(name) {
  const response = await fetch(folder + name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

// The pixels of a canvas that was kept as PNG.
async function canvasOf(blob, channels) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  return rgba.filter((_, place) => place % 4 < channels);
}
