// The model and the runtime that computes it, both from this folder; one picture at a time.

import * as ort from "./runtime/ort.js";
import { openModel } from "./classify.js";

ort.env.logLevel = "error";
// Several threads need headers that a plain file server does not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = {
  wasm: new URL("./runtime/ort-wasm-simd-threaded.wasm", import.meta.url).href,
};

export const model = openModel(ort, new URL("./", import.meta.url).href);

let last = Promise.resolve();

// The answer to a File or Blob: { label, probability, probabilities, canvas }.
export function classify(source) {
  const asked = last.then(async () => (await model).classify(source));
  last = asked.catch(() => {});
  return asked;
}
