// Classify pictures with an exported model, in a browser or in Node:
//   import * as ort from "onnxruntime-web/wasm";
//   const model = await openModel(ort, "EXPORT/");
//   const { label, probability } = await model.classify(file); // a File, Blob, <video> or <img>
// Node cannot decode pictures itself: give { data, width, height }, its pixels as RGB bytes, there,
// and openModel a third argument that reads a file, such as fs.promises.readFile.

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
    const picture = source.data ? source : await pictureOf(source, contract.preprocess);
    const { data, width, height } = picture;
    const pixels = { picture: new ort.Tensor("uint8", data, [height, width, 3]) };
    const { canvas } = await preprocess.run(pixels);
    const image = new ort.Tensor("uint8", canvas.data, [1, ...canvas.dims]);
    const probabilities = Array.from((await network.run({ image })).probabilities.data);
    const probability = Math.max(...probabilities);
    const label = contract.classes[probabilities.indexOf(probability)];
    return { label, probability, probabilities, canvas: canvas.data };
  }
  return { contract, classify };
}

// The pixels of a file as nunbit reads them: upright, no colour profile applied, transparency over
// the background, at the picture's own size (a browser resizes differently).
export async function pictureOf(source, { background, max_pixels: maxPixels }) {
  const bitmap = await createImageBitmap(source, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  if (width * height > maxPixels) throw new RangeError(`${width} x ${height} pixels are too many`);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = `rgb(${background}, ${background}, ${background})`;
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 2) {
    data[to++] = rgba[from++];
    data[to++] = rgba[from++];
    data[to++] = rgba[from];
  }
  return { data, width, height };
}

async function readByFetch(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}
