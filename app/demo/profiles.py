"""What the parties are like: shares, paces and habits as tables. Pure; whoever is what follows from the seed alone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.deadlines import Calendar
from app.demo.chance import between, happens, roll, weighted

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """How a department works.

    Attributes:
        sign: office hours until it signs; answer: working days from there until it answers; rework: the same after
            the office or a point sent its answer back.
        returns, extends: share of assignments it returns, or asks more time for where it will need it.
        waits: share that it leaves alone until it is supervised.
        repeats: share of callbacks that its system sends twice.
    """

    sign: Bounds
    answer: Bounds
    rework: Bounds
    returns: float
    extends: float
    waits: float
    repeats: float


DEPARTMENTS: tuple[tuple[Profile, float], ...] = (
    (Profile((0.5, 6), (2, 8), (1, 3), 0.03, 0.2, 0.0, 0.02), 0.36),  # prompt
    (Profile((2, 14), (6, 13), (1, 4), 0.06, 0.5, 0.01, 0.05), 0.36),  # steady
    (Profile((8, 24), (10, 22), (3, 8), 0.05, 0.7, 0.06, 0.05), 0.14),  # slow, and asks for time
    (Profile((4, 15), (8, 15), (2, 5), 0.4, 0.3, 0.03, 0.1), 0.07),  # says it is another's
    (Profile((6, 22), (9, 18), (2, 6), 0.04, 0.1, 0.45, 0.15), 0.07),  # moves when it is chased
)
RETURN_REASONS = (("not_our_duty", 5.0), ("insufficient_facts", 3.0), ("duplicate", 2.0))
POSITIONS = (("supporting", 6.0), ("lead", 2.0), ("not_concerned", 2.0))
NO_OPINION = 0.1
COMES_TO_MEETING = (("accepted", 15.0), ("deputy", 3.0), ("declined", 2.0), (None, 2.0))
# At which notice a department moves that waits for one: 0 is the notice of lateness itself, then the levels.
MOVES_AT = ((0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0))
PROGRESSES, SAYS_DOCUMENT, CANNOT_LIFT, REPLIES_TO_NOTICE = 0.4, 0.3, 0.04, 0.5
BECAUSE = (("law_requires", 3.0), ("needs_funds", 3.0), ("upstream_rule", 2.0))
# The answer's shape: in members or, by older systems, in words alone; how far it reaches; with a file.
STRUCTURED, RECKONS_HOURS, HAS_FILE = 0.75, 0.5, 0.12
SCOPES = ((None, 3.0), ("this_point", 4.0), ("district", 3.0), ("city", 2.0))

# The province: working days until it answers, and how often it says no.
PROVINCE_DAYS = (((10, 20), 5.0), ((20, 35), 3.0), ((35, 60), 2.0))
PROVINCE_REFUSES = 0.18

# The office: hours until it takes something up, how often it finds fault, what it does about returns and wishes.
TAKES_UP = (((0.5, 5), 10.0), ((5, 14), 5.0), ((20, 40), 1.0))
SENDS_BACK, GRANTS, FOLLOWS_PROPOSAL, KNOWS_ON_THE_TELEPHONE = 0.1, 0.75, 0.55, 0.7
CONVENES_RETURNED, SAYS_URGENT = 0.08, 0.1
WAITS_FOR_OPINIONS_DAYS = 6

# Its sessions: held as one, with a date and a place, moved, extended; who is absent, dissents, does not agree.
BATCHES, MEETS, MOVES_MEETING, MORE_TIME = 0.8, 0.65, 0.15, 0.5
LETS_GO, TAKES_OFF, CALLS_OFF, ADJOURNS = 0.1, 0.04, 0.02, 0.3
ABSENT, DISSENTS, AGREES_ALL_THE_SAME, SEVERAL_DUTIES = 0.15, 0.6, 0.3, 0.3
PLACES = ("市政府三楼会议室", "市民之家 2 号会议室", "减负办会议室")

# Its clocks: pauses of so many working days for a blocker, most of them ended before; terms of its own.
PAUSES, RESUMES_EARLY = 0.12, 0.6
PAUSE_DAYS = (10, 15, 20, 40)
BLOCKERS = (("awaiting_information", 5.0), ("awaiting_province", 3.0), ("awaiting_other", 2.0))

# Its clusters: suggested pairs that it merges, rightly or by mistake, and merged ones that turn out to be two.
MERGES, MERGES_WRONGLY, SPLITS_AGAIN = 0.85, 0.08, 0.1
SPLITS_AFTER_DAYS: Bounds = (3, 15)

# Where points have said no twice; where a burden could not be lifted and the office comes back to it; at level 3.
DISPUTED = (("send back", 4.0), ("unresolved", 3.0), ("rule", 2.0), ("answered", 1.0))
REVISITED = (("rule", 4.0), ("unresolved", 3.0), ("end", 3.0))
DECIDES = (("other", 4.0), ("ruling", 3.0), ("meeting", 2.0), ("closing", 1.0))
NOTICE_FROM_DAY = 25  # of November: from then on the next year's holidays are known

# The points: what they answer when asked, and how long that takes them.
STILL_THERE, STILL_THERE_AGAIN = 0.12, 0.2
STAYS_SILENT, COMES_BACK = 0.07, 0.05
LOOKS_EVERY_DAYS: Bounds = (2, 4)
UNHURRIED = 4  # times as long, where a burden is known not to go away soon
ANSWERS_AFTER_HOURS: Bounds = (0.5, 14)
COMES_BACK_AFTER_DAYS: Bounds = (20, 70)
IN_THE_SAME_WORDS = 0.5
# Looks back at what was struck off.
LOOKS_BACK_AFTER_HOURS: Bounds = (2, 70)
NO_LOOK_BACK, RELAPSED = 0.2, 0.07

# Systems: answers an error once, answers too late, is switched off over long holidays, at night, or broken for days.
BROKEN, TOO_LATE = 0.03, 0.02
OFF_ON_HOLIDAYS, OFF_AT_NIGHT, BROKEN_A_MONTH = 0.35, 0.06, 0.07
BROKEN_DAYS: Bounds = (0.2, 4)
LONG_HOLIDAY_DAYS = 4


def profile_of(seed: int, department: str) -> Profile:
    return weighted(DEPARTMENTS, seed, "profile", department)


def is_down(seed: int, department: str, moment: datetime, calendar: Calendar) -> bool:
    """Whether a department's system cannot be reached then."""
    local = moment.astimezone(calendar.zone)
    if happens(OFF_AT_NIGHT, seed, "off at night", department) and not 7 <= local.hour < 20:
        return True
    if happens(OFF_ON_HOLIDAYS, seed, "off on holidays", department) and _in_long_holiday(local.date(), calendar):
        return True
    return any(
        start <= local.replace(tzinfo=None) < end
        for month in (local.date().replace(day=1), (local.date().replace(day=1) - timedelta(days=1)).replace(day=1))
        for start, end in _breakdown(seed, department, month)
    )


def _in_long_holiday(day: date, calendar: Calendar) -> bool:
    if calendar.is_working(day):
        return False
    first = last = day
    while not calendar.is_working(first - timedelta(days=1)):
        first -= timedelta(days=1)
    while not calendar.is_working(last + timedelta(days=1)):
        last += timedelta(days=1)
    return (last - first).days + 1 >= LONG_HOLIDAY_DAYS


def _breakdown(seed: int, department: str, month: date) -> list[tuple[datetime, datetime]]:
    about = ("breakdown", department, month)
    if not happens(BROKEN_A_MONTH, seed, *about):
        return []
    start = datetime(month.year, month.month, roll(seed, *about, "day").randint(1, 28), 10)  # noqa: DTZ001 — local
    return [(start, start + timedelta(days=between(BROKEN_DAYS, seed, *about, "days")))]
