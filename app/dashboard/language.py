"""The pages' two languages: Chinese is what the source says, English comes from one catalogue compiled at start-up.

Decides the language of a request and translates; it renders nothing.
"""

import io
from collections.abc import Callable, Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlencode

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request
from starlette.responses import Response

LOCALES = Path(__file__).parent / "locales"
CHINESE: Final = "zh"
ENGLISH: Final = "en"
LANGUAGES: Final = (CHINESE, ENGLISH)
HTML_LANGUAGE: Final[Mapping[str, str]] = {CHINESE: "zh-CN", ENGLISH: "en"}
COOKIE: Final = "yilong_language"
PARAMETER: Final = "lang"
COOKIE_AGE: Final = 365 * 24 * 3600


class LanguageChoice(NamedTuple):
    """One entry of the language switch. `url` is relative: the same page in that language."""

    code: str
    label: str
    url: str
    current: bool


def N_(message: str) -> str:  # noqa: N802 - gettext's own name, which the message extraction looks for
    """Mark a string for the catalogue where it is written; translate it where it is shown."""
    return message


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language. Chinese needs none: its messages are their own translation."""
    if language == CHINESE:
        return NullTranslations()
    compiled = io.BytesIO()
    with (LOCALES / f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translator(language: str) -> Callable[..., str]:
    """A function `_(message, **variables)` for strings that Python code shows; `%(name)s` takes a variable."""
    catalogue = translations(language)

    def translate(message: str, **variables: object) -> str:
        return catalogue.gettext(message) % variables

    return translate


def language_of(request: Request) -> str:
    """The language to answer in: `?lang=` first, then the cookie, else Chinese."""
    for wish in (request.query_params.get(PARAMETER), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    return CHINESE


def remember_language(request: Request, response: Response) -> None:
    """Keep a language chosen by `?lang=` in the cookie."""
    wish = request.query_params.get(PARAMETER)
    if wish in LANGUAGES:
        response.set_cookie(
            COOKIE,
            wish,
            max_age=COOKIE_AGE,
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )


def language_choices(request: Request, current: str) -> tuple[LanguageChoice, ...]:
    """The language switch of the page asked for: the same address with another `lang`."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != PARAMETER]
    labels = {CHINESE: "中文", ENGLISH: "English"}
    return tuple(
        LanguageChoice(code, labels[code], "?" + urlencode([*kept, (PARAMETER, code)]), code == current)
        for code in LANGUAGES
    )
