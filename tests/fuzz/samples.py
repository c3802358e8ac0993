"""Bodies that are taken, for each operation: those of the separation tests, and of what names no object in its path."""

import random
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

from app.api.callbacks import OPINION, TAKEN
from tests.access.bodies import ASSIGNMENT, CONSULTATION, WHY, body_for
from tests.access.routes import Route
from tests.access.scene import BOTH, DEPARTMENTS, THIRD, Scene
from tests.feedback.files import DOCX, OFD, PDF, PNG, XLSX
from tests.feedback.hostile import REFUSED
from tests.journeys.clocks import NOTICE
from tests.sweep import CONTACT

TEXTS: Final = (
    "区民政局要求每周报一次台账,表格与上月完全一样。", "工作群里一天到晚要截图接龙,也不知道是哪个单位要的。",
    "市教育局让我们填三套不同的系统,同一批数据报了三遍。", "区卫健局和区民政局都来要同一张老年人统计表,口径不一样。",
    "省里发的通知要求村里开防返贫证明,我们哪有权限开。",
)  # fmt: skip


def _report(dice: random.Random) -> dict[str, Any]:
    return {"text": dice.choice(TEXTS) + f"第{dice.randrange(10**6)}次。"}


def _callback(dice: random.Random) -> dict[str, Any]:
    kind = dice.choice(list(TAKEN))
    subject, word = TAKEN[kind][0], kind.partition(".")[2].replace("_", "-")
    said = CONSULTATION["opinions" if kind == OPINION else word] if subject == "consultation" else ASSIGNMENT[word]
    return {"type": kind, "data": {subject: "0" * 32, **said}}


def _convening(_: random.Random) -> dict[str, Any]:
    return {"cases": ["YL-2026-000001"], "departments": [*DEPARTMENTS.values(), THIRD]}


PLAIN: Final[Mapping[str, Callable[[random.Random], Any]]] = {
    "POST /v1/reports": lambda dice: _report(dice) | {"contact": CONTACT},
    "POST /v1/reports/batch": lambda dice: {"reports": [_report(dice) for _ in range(dice.randrange(1, 4))]},
    "POST /v1/classifications": _report,
    "POST /v1/consultations": _convening,
    "POST /v1/callbacks/{department_code}": _callback,
    "POST /v1/terms": lambda dice: {"kind": "consultation", "working_days": dice.randrange(1, 20), "reason": "试行"},
    "POST /v1/calendar": lambda dice: {"text": NOTICE, "dry_run": dice.random() < 0.5},
    "POST /v1/keys": lambda dice: {"role": dice.choice(["clerk", "auditor"]), "days": dice.randrange(1, 90)},
    "POST /v1/endpoints": lambda dice: {
        "department": THIRD, "channel": dice.choice(["webhook", "wecom", "feishu", "dingtalk"]),
        "url": f"http://127.0.0.1:9/{dice.randrange(10**6)}?key=1&access_token=2",
    },
}  # fmt: skip


def sample(label: str, route: Route | None, scene: Scene, dice: random.Random) -> Any:
    """A body that the operation takes; None where none is known."""
    if label in PLAIN:
        return PLAIN[label](dice)
    if label.endswith("/evidence"):
        return dice.choice([*[PDF, PNG, DOCX, XLSX, OFD] * 4, *REFUSED.values()])
    if route is None or not route.names:
        return None
    try:
        return body_for(route, scene)
    except KeyError:
        return None


def pair(label: str, scene: Scene, dice: random.Random) -> tuple[str, dict[str, Any]] | None:
    """A name for the path and a body that belong together, where one is of no use without the other."""
    neighbours = [(one, two) for one, two in pairwise(scene.things) if two.kind in label]
    if label.endswith("/split"):
        report, case = dice.choice([(o, t) for o, t in neighbours if o.kind == "reports" and t.owners == BOTH])
        return case.names[0], {"reports": [report.names[0]], **WHY}
    if label.endswith("/conclusion"):
        case, session = dice.choice([(o, t) for o, t in neighbours if o.kind == "cases"])
        parts = [{"department": DEPARTMENTS[min(session.owners)], "lead": True}]
        return session.names[0], {"conclusions": [{"case": case.names[0], "parts": parts}], "minutes": "议定。"}
    return None
