// What a reader would stumble over in the page as it stands; returns a list of sentences.
() => {
  const faults = [];
  const root = document.documentElement;
  const name = (e) =>
    `<${e.tagName.toLowerCase()}${e.className && e.className.baseVal === undefined ? "." + e.className : ""}> in #${e.closest("section")?.id ?? "page"}`;

  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter(
      (e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !inOwnBox(e));
    faults.push(`overflows: ${root.scrollWidth} > ${root.clientWidth}, by ${wide.slice(0, 3).map(name)}`);
  }
  function inOwnBox(e) {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) return true;
    }
    return false;
  }

  for (const e of document.querySelectorAll("img")) {
    if (!e.getAttribute("alt")) faults.push(`no alternative text: ${name(e)}`);
    if (!e.complete || e.naturalWidth === 0) faults.push(`a picture that is none: ${name(e)}`);
  }
  for (const e of document.querySelectorAll("svg")) {
    const hidden = e.getAttribute("aria-hidden") === "true";
    if (!hidden && !(e.getAttribute("role") === "img" && e.getAttribute("aria-label")))
      faults.push(`no alternative text: ${name(e)}`);
  }
  for (const e of document.querySelectorAll("input, button, [role=region], [role=radiogroup]")) {
    if (!e.getAttribute("aria-label") && !e.labels?.length && !e.textContent.trim())
      faults.push(`no name: ${name(e)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  if (twice.length) faults.push(`ids twice: ${twice.slice(0, 5)}`);
  for (const e of document.querySelectorAll("a[href^='#']")) {
    if (!document.getElementById(e.getAttribute("href").slice(1)))
      faults.push(`a link to nowhere: ${e.getAttribute("href")}`);
  }
  for (const e of document.querySelectorAll("main .scroll")) {
    if (e.scrollWidth > e.clientWidth + 1 && e.tabIndex !== 0)
      faults.push(`a box that the keyboard cannot scroll: ${name(e)}`);
  }

  // A table is read as a whole: what its box hides is cut. Only a matrix may scroll in its box.
  for (const e of document.querySelectorAll("main table:not(.matrix)")) {
    const box = e.closest(".scroll") ?? e.parentElement;
    const wide = Math.max(e.scrollWidth, e.getBoundingClientRect().width);
    if (e.checkVisibility() && wide > box.clientWidth + 1)
      faults.push(`a table is cut: ${Math.round(wide)} > ${box.clientWidth}, ${name(e)}`);
    const short = e.matches(".stacks") && e.rows.length <= 30 && innerWidth <= 768;
    if (e.checkVisibility() && short && box.scrollHeight > box.clientHeight + 1)
      faults.push(`a table ends too early: ${box.scrollHeight} > ${box.clientHeight}, ${name(e)}`);
  }

  // Contrast of text, as WCAG 2 defines it: 4.5, or 3 for large text.
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = ([r, g, b, a], [R, G, B]) =>
    [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) {
      const colour = rgba(getComputedStyle(p).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const pale = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest("style, script, title")) continue;
    if (!e.checkVisibility() || e.getClientRects().length === 0) continue;
    const style = getComputedStyle(e);
    const ground = behind(e);
    const ink = over(rgba(e.ownerSVGElement ? style.fill : style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5) - 0.01)
      pale.add(`${name(e)} "${walker.currentNode.data.trim().slice(0, 20)}" ${ratio.toFixed(2)}`);
  }
  if (pale.size) faults.push(`pale text: ${[...pale].slice(0, 5).join("; ")}`);
  return faults;
}
