"""What is suggested while somebody types a department: the same on every page until the directory is read anew."""

from markupsafe import Markup

from app.directory.city import City

_OPTION = Markup('<option value="{} {}" label="{}" lang="zh-CN"></option>')
# Of the directory that is in use: to write all of them takes as long as the rest of a page.
_written: list[tuple[City, Markup]] = []


def suggest_departments(city: City) -> Markup:
    """Every department as an option: its code and name, and as a label how it is typed in pinyin."""
    if not _written or _written[0][0] is not city:
        options = (_OPTION.format(d.code, d.name, city.say_spelling(d.code)) for d in city.departments.values())
        _written[:] = [(city, Markup("\n").join(options))]
    return _written[0][1]
