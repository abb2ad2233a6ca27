// What the page says, in each of its languages. A text may be a function of numbers and names.

import { ownWords } from "./here.js";

// Never 100 % of what is less, nor 0 % of what is more.
const percent = (p) => {
  if (p > 0.999 && p < 1) return "> 99.9 %";
  return p > 0 && p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
};

// "95 %" of a chosen accuracy, which has as many digits as it was given.
const target = (a) => `${Number((100 * a).toFixed(6))} %`;

export const languages = { en: "English", ko: "한국어" };

const words = {
  en: {
    loading: "Loading the model …",
    ready: "Ready. Pictures stay on this device.",
    failed: (why) => `The model cannot be used: ${why}`,
    choose: "Choose pictures",
    drop: "or drop or paste them here",
    camera: "Use the camera",
    take: "Take the picture",
    close: "Close the camera",
    noCamera: "The camera cannot be used: it is missing, or the page may not use it.",
    cameraPicture: (n) => `Camera picture ${n}`,
    pasted: "Pasted picture",
    accuracy: "Answer",
    always: "every picture",
    only: (a) => `only where ${a} of answers are right`,
    sureAbove: (t) => `Below ${t} the page says "unsure". From there up, answers on validation images were right as often as chosen.`,
    answers: "Answers",
    clear: "Remove all",
    unsure: "unsure",
    most: (label, p) => `most likely ${label}, ${p}`,
    told: (name, label, p) => `${name}: ${label}, ${p}`,
    toldUnsure: (name, label, p) => `${name}: unsure; most likely ${label}, ${p}`,
    working: "Looking …",
    unreadable: "It is not a picture that this page reads (JPEG, PNG, GIF, WebP, AVIF, BMP), or it is damaged.",
    otherwise: "Browsers do not read all of it as the model does (16 bits, several frames or transparency): use nunbit predict.",
    tooLarge: "The picture is too large.",
    more: (n) => `and ${n} more ${n === 1 ? "class" : "classes"}`,
    about: "About this page",
    model: "Model",
    classes: "Classes",
    input: "Network sees",
    pixels: (w, h, c) => `${w} × ${h} pixels, ${c === 1 ? "grey" : "colour"}`,
    privacy: "No picture leaves this device: everything is computed in this browser, also without a network after the first visit.",
    check: "Check this browser",
    checkWhat: "Sends the test files of this folder through this page, and compares pixels and answers with those of nunbit.",
    checking: (done, all) => `${done} of ${all} files …`,
    checked: (equal, all, difference) => `${equal} of ${all} files have nunbit's pixels to the byte; probabilities differ by at most ${difference}.`,
    checkedDiffer: (names) => `Other pixels: ${names}.`,
    checkFailed: "The test files cannot be fetched (they are not kept for use without a network).",
    language: "Language",
    percent,
    target,
  },
  ko: {
    loading: "모델을 불러오는 중 …",
    ready: "준비되었습니다. 사진은 이 기기를 떠나지 않습니다.",
    failed: (why) => `모델을 사용할 수 없습니다: ${why}`,
    choose: "사진 선택",
    drop: "또는 여기에 끌어다 놓거나 붙여넣으세요",
    camera: "카메라 사용",
    take: "사진 찍기",
    close: "카메라 닫기",
    noCamera: "카메라를 사용할 수 없습니다. 카메라가 없거나 사용이 허용되지 않았습니다.",
    cameraPicture: (n) => `카메라 사진 ${n}`,
    pasted: "붙여넣은 사진",
    accuracy: "답하기",
    always: "모든 사진에",
    only: (a) => `답의 ${a}가 맞는 경우에만`,
    sureAbove: (t) => `확률이 ${t}보다 낮으면 "확실하지 않음"으로 표시합니다. 이 기준 이상에서는 검증 이미지의 답이 선택한 만큼 맞았습니다.`,
    answers: "결과",
    clear: "모두 지우기",
    unsure: "확실하지 않음",
    most: (label, p) => `가장 가능성이 높은 것: ${label}, ${p}`,
    told: (name, label, p) => `${name}: ${label}, ${p}`,
    toldUnsure: (name, label, p) => `${name}: 확실하지 않음. 가장 가능성이 높은 것: ${label}, ${p}`,
    working: "확인하는 중 …",
    unreadable: "이 페이지가 읽을 수 있는 사진(JPEG, PNG, GIF, WebP, AVIF, BMP)이 아니거나 손상된 파일입니다.",
    otherwise: "브라우저는 이 파일을 모델과 똑같이 읽을 수 없습니다(16비트, 여러 프레임 또는 투명도). nunbit predict를 사용하세요.",
    tooLarge: "사진이 너무 큽니다.",
    more: (n) => `그 밖의 클래스 ${n}개`,
    about: "이 페이지에 대하여",
    model: "모델",
    classes: "클래스",
    input: "신경망 입력",
    pixels: (w, h, c) => `${w} × ${h} 픽셀, ${c === 1 ? "흑백" : "컬러"}`,
    privacy: "사진은 이 기기를 떠나지 않습니다. 모든 계산은 이 브라우저에서 이루어지며, 한 번 방문한 뒤에는 인터넷 없이도 작동합니다.",
    check: "이 브라우저 검사",
    checkWhat: "이 폴더의 시험 파일을 이 페이지로 처리하여 픽셀과 답을 nunbit의 것과 비교합니다.",
    checking: (done, all) => `파일 ${all}개 중 ${done}개 …`,
    checked: (equal, all, difference) => `파일 ${all}개 중 ${equal}개의 픽셀이 nunbit과 바이트까지 같고, 확률의 차이는 최대 ${difference}입니다.`,
    checkedDiffer: (names) => `픽셀이 다른 파일: ${names}.`,
    checkFailed: "시험 파일을 가져올 수 없습니다(인터넷 없이 쓰도록 저장되지 않습니다).",
    language: "언어",
    percent,
    target,
  },
};

let language = remembered() ?? (navigator.language?.startsWith("ko") ? "ko" : "en");

export const currentLanguage = () => language;

// One text in the reader's language.
export function say(key, ...values) {
  const text = ownWords[language]?.[key] ?? words[language][key];
  return typeof text === "function" ? text(...values) : text;
}

export function setLanguage(chosen) {
  language = chosen;
  try {
    localStorage.setItem("nunbit-language", chosen);
  } catch {
    // A browser that keeps nothing asks again at the next visit.
  }
  translate();
}

// Every element that names a text gets it; what is computed says itself again on "said".
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-say]"))
    element.textContent = say(element.dataset.say);
  document.dispatchEvent(new Event("said"));
}

function remembered() {
  try {
    const kept = localStorage.getItem("nunbit-language");
    return kept in languages ? kept : null;
  } catch {
    return null;
  }
}
