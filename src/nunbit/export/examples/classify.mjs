// Classify pictures with an exported model, in a browser or in Node:
//   import * as ort from "onnxruntime-web/wasm";
//   const model = await openModel(ort, "EXPORT/");
//   const { label, probability } = await model.classify(file); // a File or Blob
// Node decodes no pictures: give { data, width, height }, RGB bytes, and fs.promises.readFile third.

export async function openModel(ort, folder, read = readByFetch) {
  const contract = JSON.parse(new TextDecoder().decode(await read(folder + "nunbit.json")));
  const session = async (name) => {
    const bytes = new Uint8Array(await read(folder + name));
    // Browsers compute hashes only for pages that came by https or from this machine.
    const hash = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
    const digits = hash && Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, "0"));
    if (digits && digits.join("") !== contract.files[name])
      throw new Error(`${name} is damaged, or belongs to another export`);
    return ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  };
  const preprocess = await session("preprocess.onnx");
  const network = await session("model.onnx");
  async function classify(source) {
    const { data, width, height } = source.data ? source : await pictureOf(source, contract.preprocess);
    const { canvas } = await preprocess.run({ picture: new ort.Tensor("uint8", data, [height, width, 3]) });
    const image = new ort.Tensor("uint8", canvas.data, [1, ...canvas.dims]);
    const probabilities = Array.from((await network.run({ image })).probabilities.data);
    const probability = Math.max(...probabilities);
    const label = contract.classes[probabilities.indexOf(probability)];
    return { label, probability, probabilities, canvas: canvas.data };
  }
  return { contract, classify };
}

// The pixels of a file as nunbit reads them: upright, no colour profile applied, transparency over
// the background, at the picture's own size. What browsers read otherwise, or in part, is refused.
export async function pictureOf(file, { background, frame, max_pixels: most, transparency }) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, 1 << 18).arrayBuffer());
  if (!/^(ÿØÿ|‰PNG|GIF8|BM|RIFF.{4}WEBP|.{4}ftypavi[fs])/s.test(head)) throw new TypeError("not a kind of file that is read here");
  const refuse = (what) => { throw new DOMException(`${what}: use nunbit predict`, "NotSupportedError"); };
  if (head.startsWith("‰PNG") && head.charCodeAt(24) === 16) refuse("16 bits");
  if (frame !== "first" && /^GIF8|acTL|ANIM|ftypavis|MPF\0/.test(head)) refuse("several frames");
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  if (width * height > most) throw new RangeError("too many pixels");
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = `rgb(${background}, ${background}, ${background})`;
  if (transparency === "show") context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const clear = (value, place) => place % 4 === 3 && value < 255;
  if (transparency !== "show" && rgba.some(clear)) refuse("transparency");
  const data = new Uint8Array(width * height * 3);
  for (let to = 0; to < data.length; to++) data[to] = rgba[4 * Math.floor(to / 3) + (to % 3)];
  return { data, width, height };
}

async function readByFetch(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}
