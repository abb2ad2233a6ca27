// What differs between this page on a server and the same page in a folder: the server computes.

import { explain, model } from "./model.js";

export const keepsOffline = false;
export const checksBrowser = false;

export async function pageName() {
  return (await model).contract.name;
}

export async function lookingAt(blob) {
  return (await model).contract.explains ? () => explain(blob) : null;
}

export const ownWords = {
  en: {
    ready: "Ready. Pictures go to this server, and are not kept.",
    privacy: "Pictures are sent to the server that this page comes from, answered, and forgotten: nothing of them is stored.",
    unreadable: "It cannot be read as a picture.",
    busy: "The server has too much to do. Try again.",
    away: "The server does not answer.",
    lookAt: "What it looked at",
    lookedWhat: "Orange speaks for the most likely class, blue against it. Maps can mislead: nunbit explain checks them.",
    token: "This server answers those who have its token.",
    tokenName: "Token",
    tokenSend: "Continue",
  },
  ko: {
    ready: "준비되었습니다. 사진은 이 서버로 보내지며 저장되지 않습니다.",
    privacy: "사진은 이 페이지를 제공하는 서버로 보내져 답을 받은 뒤 지워집니다. 아무것도 저장되지 않습니다.",
    unreadable: "이 파일을 사진으로 읽을 수 없습니다.",
    busy: "서버가 바쁩니다. 다시 시도하세요.",
    away: "서버가 응답하지 않습니다.",
    lookAt: "무엇을 보았나요?",
    lookedWhat: "주황색은 가장 가능성이 높은 클래스를 지지하고 파란색은 반대합니다. 이런 그림은 오해를 부를 수 있습니다. nunbit explain으로 검증할 수 있습니다.",
    token: "이 서버는 토큰이 있는 사용자에게만 답합니다.",
    tokenName: "토큰",
    tokenSend: "계속",
  },
};
