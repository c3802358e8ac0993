"""Turns a template and its facts into a page: the Jinja environments, filters, and `render()`.

Escaping is always on and nothing switches it off. Views decide what is shown; this module only how it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.dashboard import assets, dates, highlight, labels, language, lights, menu

TEMPLATES: Final = Path(__file__).parent / "templates"
DEFAULTS: Final[Mapping[str, Any]] = {
    "user": None,
    "acts_for": "",
    "csrf_token": "",
    "menu": (),
    "messages": (),
    "badges_url": None,
}


@dataclass(frozen=True)
class Flash:
    """One message above the page, already translated; `tone` is success, info, warning or danger.

    `about` is text of people or of the directory that belongs to it, such as the departments named.
    """

    text: str
    tone: str = "info"
    about: str = ""


@cache
def environment(chosen: str) -> Environment:
    """The template environment of one language; macros see its language without being told."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(language.translations(chosen), newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        vendor=assets.vendor,
        asset=assets.asset,
        light_of=lights.light_of,
        role_labels=menu.ROLE_LABELS,
        labels=labels,
        language=chosen,
        html_language=language.HTML_LANGUAGE[chosen],
    )
    say = language.translator(chosen)
    made.globals["translated"] = lambda table: [(key, say(label)) for key, label in table.items()]
    made.filters.update(
        day=partial(dates.show_day, language=chosen),
        moment=partial(dates.show_moment, language=chosen),
        official_day=dates.show_official_day,
        highlight=highlight.highlight,
        zh=highlight.in_chinese,
        visible=highlight.visible,
        visible_text=highlight.visible_text,
    )
    return made


def _wants_fragment(request: Request) -> bool:
    """Whether htmx asks for a part; a page restored from history is always whole."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def render(
    request: Request,
    template: str | Template,
    context: Mapping[str, Any] | None = None,
    *,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    block: str | None = None,
) -> HTMLResponse:
    """Answer with a page in the reader's language.

    Args:
        template: path under `templates/`, or a template made by the environment of the request's language.
        context: the page's facts; `user`, `csrf_token`, `menu`, `messages` and the like have empty defaults.
        block: name of the one template block to send when htmx asks; without htmx the page is whole.
    """
    chosen = language.language_of(request)
    facts = {**DEFAULTS, "languages": language.language_choices(request, chosen), **(context or {}), "request": request}
    page = environment(chosen).get_template(template)
    if block is not None and _wants_fragment(request):
        body = "".join(page.blocks[block](page.new_context(facts)))
    else:
        body = page.render(facts)
    response = HTMLResponse(body, status_code=status_code, headers=dict(headers or {}))
    response.headers["Content-Language"] = language.HTML_LANGUAGE[chosen]
    response.headers.add_vary_header("Cookie")
    response.headers.add_vary_header("HX-Request")
    language.remember_language(request, response)
    return response
