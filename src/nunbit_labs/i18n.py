"""Texts of the frame on a lab's page, in each language of the course."""

from __future__ import annotations

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
NAMES: dict[Language, str] = {"en": "English", "ko": "한국어"}

_WORDS: dict[str, tuple[str, str]] = {
    "overview": ("Overview", "개요"),
    "code": ("Code", "코드"),
    "quantity": ("what", "항목"),
    "published": ("published", "발표된 값"),
    "ours": ("ours", "우리 값"),
    "verdict": ("verdict", "판정"),
    "course notes": ("course notes", "강의 노트"),
    "seeds": ("seeds", "시드"),
    "images": ("test images", "시험 이미지"),
    "agrees": ("equal in all published digits", "발표된 자릿수까지 일치"),
    "within-tolerance": ("equal within {}", "{} 이내로 일치"),
    "unequal": ("differs", "다름"),
    "differs": ("differs by {}", "{} 차이"),
    "points": ("{} points", "{}%p"),
    "reached": ("reached", "도달"),
    "beaten": ("beaten by every seed", "모든 시드에서 넘어섬"),
    "spread": ("within our spread", "우리 값의 흩어짐 안"),
    "short": ("not reached, by {}", "{} 모자람"),
    "alone": ("nothing published", "발표된 값 없음"),
    "not-run": ("not run here", "여기서는 실행하지 않음"),
    "left-out": (
        "From here on, this lab was not run: {}.",
        "여기서부터는 실행하지 않음: {}.",
    ),
    "quick": ("quick run: not comparable", "빠른 실행: 비교할 수 없음"),
    "right": ("right", "정답"),
    "wrong": ("not yet", "아직 아님"),
    "open": ("not answered yet", "아직 답하지 않음"),
    "exercise": ("exercise", "연습"),
    "run": ("This run", "이번 실행"),
    "kind": ("kind", "종류"),
    "full": ("full", "전체"),
    "quick-run": ("quick: little data, few seeds", "빠른 실행: 적은 데이터와 시드"),
    "solved": ("with the worked solutions", "풀이 포함"),
    "time": ("time", "시간"),
    "machine": ("machine", "기계"),
    "versions": ("versions", "버전"),
    "command": ("run again with", "다시 실행"),
    "footer": (
        "Made by nunbit {}. This page is self-contained: it loads nothing and runs no script.",
        "nunbit {}이 만들었습니다. 이 페이지는 외부에서 아무것도 불러오지 않으며 "
        "스크립트를 실행하지 않습니다.",
    ),
}


def word(key: str, language: Language, *values: object) -> str:
    """Phrase of the frame. Raises KeyError for an unknown key."""
    return _WORDS[key][LANGUAGES.index(language)].format(*values)
