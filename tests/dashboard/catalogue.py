"""What the pages say: every message of templates and Python code, as the catalogue has to hold it."""

from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from app.dashboard import language

PAGES = Path(language.__file__).parent
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}


def messages_in_source() -> dict[str | tuple[str, ...], str]:
    """Every message with the file it stands in."""
    found: dict[str | tuple[str, ...], str] = {}
    for file, _, message, _, _ in extract_from_dir(PAGES, METHODS, OPTIONS, KEYWORDS):
        found.setdefault(tuple(message) if isinstance(message, (list, tuple)) else message, file)
    return found


def catalogue(code: str) -> Catalog:
    with (language.LOCALES / f"{code}.po").open("rb") as source:
        return read_po(source, locale=code)


def entries(code: str) -> list[Message]:
    return [message for message in catalogue(code) if message.id]
