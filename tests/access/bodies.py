"""A body that each route takes, so that what it answers depends on the object alone. A new route needs its entry."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.access.routes import Route
from tests.access.scene import DEPARTMENTS, THIRD, Scene

Body = dict[str, Any]
WHY = {"reason": "按规定办理"}
MEETING = {"meeting_at": "2026-03-06T09:00:00+08:00", "place": "二楼会议室"}

ASSIGNMENT: Mapping[str, Body] = {
    "acceptance": {},
    "return": {"reason": "insufficient_facts", "explanation": "请补充是哪份通知。"},
    "progress": {"note": "正在办理。"},
    "feedback": {"measures": "已取消。", "public_reply": "已取消。"},
    "extension": {"reason": "须修订文件。", "working_days": 3},
    "forwarding": {"reference": "函1", "forwarded_on": "2026-03-02", "forwarded_to": "省级部门"},
    "upstream-reply": {"answer": "同意。", "public_reply": "同意。", "agreed": True},
    "supervision-reply": {"explanation": "正在会签。", "promised_on": "2026-03-04"},
    "review": {"accepted": True},
    "pause": {"blocker": "awaiting_other", "who": "财政部门", "why": "等待批复", "working_days": 5},
    "resume": {},
}
CASE: Mapping[str, Body] = {
    "ruling": {"category": "municipal_district", "receivers": [{"code": THIRD}], **WHY},
    "unresolved": {"because": "law_requires", "statement": "法律有规定。"},
    "supervision": {"decision": "meeting", "note": "开会研究。", "look_again_on": "2026-03-09"},
    "urging": {},
    "reopen": WHY,
    "close": {"outcome": "answered", "statement": "已说明。"},
}
CONSULTATION: Mapping[str, Body] = {
    "opinions": {"position": "lead", "basis": "三定规定第三条"},
    "response": {"answer": "accepted"},
    "schedule": MEETING,
    "extension": {"working_days": 2, **WHY},
    "invitations": {"departments": ["CS-MZ"]},
    "cancellation": WHY,
}
ENDPOINT: Mapping[str, Body] = {
    "secret": {},
    "signing-key": {},
    "replay": {"what": "missing", "since": "2026-01-01T00:00:00+08:00"},
}
PLAIN: Mapping[str, Mapping[str, Body]] = {
    "reports": {
        "verification": {"relieved": True},
        "look-back": {"holds": True},
        "disclosure": {"text": "〔隐去〕"},
        "contact-view": WHY,
        "contact-erasure": WHY,
    },
    "cases": CASE,
    "assignments": ASSIGNMENT,
    "consultations": CONSULTATION,
    "precedents": {"withdrawal": WHY, "rule": WHY | {"until": "2026-12-31"}, "rule/end": WHY},
    "endpoints": ENDPOINT,
}
# What depends on the scene: other objects that the act is about.
MADE: Mapping[tuple[str, str], Callable[[Scene], Body]] = {
    ("cases", "merge"): lambda scene: {"into": scene.only("cases", "b").names[0], **WHY},
    ("cases", "split"): lambda scene: {"reports": [scene.of("reports", "b")[-1].names[0]], **WHY},
    ("consultations", "batch"): lambda scene: {"sessions": [scene.only("consultations", "b").names[1]]},
    ("consultations", "withdrawal"): lambda scene: {"case": scene.shared("cases").names[0], **WHY},
    ("consultations", "conclusion"): lambda scene: {
        "conclusions": [
            {"case": scene.of("cases")[-1].names[0], "parts": [{"department": DEPARTMENTS["a"], "lead": True}]}
        ],
        "minutes": "议定。",
    },
}


def body_for(route: Route, scene: Scene) -> Body | None:
    """The body of an API route with an object in its path; None where it takes none."""
    if route.method == "GET" or not route.takes_body:
        return None
    kind, word = kind_of(route), route.path.partition("}/")[2]
    made = MADE.get((kind, word))
    return made(scene) if made else PLAIN[kind][word]


# What the objects are that pages call otherwise.
OF_PAGES: Mapping[str, str] = {"duties": "assignments", "invitations": "consultations", "reporting": "reports"}


def kind_of(route: Route) -> str:
    """What a route's path is about, such as `cases`."""
    word = route.path.strip("/").split("/")[1]
    return OF_PAGES.get(word, word) if route.is_page else word


def absent(kind: str) -> str:
    """A name of the right form that nothing of that kind has."""
    prefixes = {"reports": "BG", "cases": "YL", "precedents": "XL"}
    if kind in prefixes:
        return f"{prefixes[kind]}-2026-999999"
    return "999999999" if kind == "deliveries" else "f" * 32
