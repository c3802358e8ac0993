"""What a document says, as tables of rules: numbers, days, the annex, names that are left out. No fixtures."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.directory.pack import Issuer
from app.documents.occasions import Occasion, occasions_of_case, occasions_of_session
from app.documents.session_wording import Topic, to_numeral, word_invitation
from app.documents.sheet import Sheet, digest_of
from app.documents.wording import Letter, Matter, number_of, word_case
from app.models import (
    AgendaItem,
    Assignment,
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Case,
    Consultation,
    ConsultationStatus,
    Deadline,
    DeadlineKind,
    Decided,
    DocumentKind,
    Instruction,
    Invitation,
)

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
DUE = datetime(2026, 3, 13, 9, 30, tzinfo=UTC)
OFFICE = Issuer("中共长沙市委组织部", "长减负")
NAMES = {"FR-MZ": "芙蓉区民政局", "CS-MZ": "长沙市民政局", "HN-MZ": "湖南省民政厅"}
LETTER = Letter(OFFICE, "长减负交〔2026〕1号", date(2026, 3, 2), ZoneInfo("Asia/Shanghai"), NAMES, ["东湖社区", "东湖"])
SHORT = {"title": None, "text": "每周报一次独居老人走访台账。"}


def duty(kind: AssignmentKind = AssignmentKind.ASSIGNMENT, **more: object) -> Assignment:
    values = {
        "id": "d" * 32, "case_id": "c", "department_code": "FR-MZ", "kind": kind, "role": AssignmentRole.LEAD,
        "status": AssignmentStatus.DISPATCHED, "on_behalf_of": [], "obligation": "请核实东湖社区反映的情况。",
        "due_at": DUE, "due_provisional": False, "dispatched_at": NOW, "version": 1,
    }  # fmt: skip
    return Assignment(**(values | more))


def clock(kind: DeadlineKind, level: int = 0, **more: object) -> Deadline:
    values = {
        "id": "e" * 32, "case_id": "c", "assignment_id": "d" * 32, "kind": kind, "due_at": DUE, "level": level,
        "started_at": NOW, "ended_at": None,
    }  # fmt: skip
    return Deadline(**(values | more))


def matter(*texts: dict[str, str | None], urgent: bool = False) -> Matter:
    return Matter("YL-2026-000012", ["表格材料过多"], urgent, texts or (SHORT,))


def text_of(sheet: Sheet) -> str:
    return "\n".join(block.text for block in sheet.blocks)


@pytest.mark.parametrize(
    ("kind", "serial", "number"),
    [
        (DocumentKind.ASSIGNMENT, 12, "长减负交〔2026〕12号"),
        (DocumentKind.ESCALATION, 1, "长减负转〔2026〕1号"),
        (DocumentKind.SUPERVISION, 100, "长减负督〔2026〕100号"),
        (DocumentKind.INVITATION, 9, "长减负会〔2026〕9号"),
        (DocumentKind.MINUTES, 10, "长减负纪〔2026〕10号"),
    ],
)
def test_a_number_has_letters_year_in_six_sided_brackets_and_no_leading_zero(
    kind: DocumentKind, serial: int, number: str
) -> None:
    assert number_of(OFFICE, kind, 2026, serial) == number


def test_an_order_says_what_by_when_and_leaves_out_who_reported() -> None:
    order = word_case(
        LETTER, Occasion(DocumentKind.ASSIGNMENT, "k", duty()), matter(urgent=True),
        [clock(DeadlineKind.ACCEPTANCE, due_at=datetime(2026, 3, 3, 9, tzinfo=UTC))], "",
    )  # fmt: skip
    said = text_of(order)
    assert (order.addressee, order.urgency, order.mark, order.sealed) == ("芙蓉区民政局", "加急", OFFICE.name, True)
    assert "请于2026年3月3日（含）前签收，于2026年3月13日（含）前反馈办理情况。" in said
    assert "每周报一次独居老人走访台账。" in said
    assert "请核实〔隐去〕反映的情况。" in said
    assert "东湖" not in order.to_json()


def test_an_escalation_names_the_provincial_department() -> None:
    given = duty(AssignmentKind.ESCALATION, department_code="CS-MZ", on_behalf_of=["HN-MZ"])
    sheet = word_case(LETTER, Occasion(DocumentKind.ESCALATION, "k", given), matter(), [], "")
    assert sheet.addressee == "长沙市民政局"
    assert "涉及湖南省民政厅的工作要求" in text_of(sheet)
    assert "请向湖南省民政厅上报。" in text_of(sheet)


def test_supervision_names_the_order_the_level_and_the_instruction_but_never_its_note() -> None:
    late = clock(DeadlineKind.FEEDBACK, level=3)
    by_level = word_case(
        LETTER, Occasion(DocumentKind.SUPERVISION, "k", duty(), late), matter(), [], "长减负交〔2026〕1号"
    )
    assert "于2026年3月2日交由你单位办理（长减负交〔2026〕1号）" in text_of(by_level)
    assert "现列为三级督办。" in text_of(by_level)
    made = Instruction(id="i", case_id="c", decision=Decided.MEETING, note="只对内说的话", decided_at=NOW)
    by_leader = word_case(LETTER, Occasion(DocumentKind.SUPERVISION, "k", duty(), late, made), matter(), [], "")
    assert "经负责人批示（2026年3月2日，约谈部门负责人），现予督办。" in text_of(by_leader)
    assert "只对内说的话" not in by_leader.to_json()


def test_long_or_several_reports_are_an_annex_and_short_ones_stand_in_the_body() -> None:
    occasion = Occasion(DocumentKind.ASSIGNMENT, "k", duty())
    assert word_case(LETTER, occasion, matter(), [], "").annexes == []
    for texts in ([{"title": None, "text": "长" * 401}], [SHORT, SHORT]):
        (annex,) = word_case(LETTER, occasion, matter(*texts), [], "").annexes
        assert annex.title == "YL-2026-000012号事项反映情况"
        assert len(annex.blocks) >= len(texts)


def test_a_sheet_is_the_same_after_being_kept_and_its_digest_is_that_of_its_text() -> None:
    sheet = word_case(LETTER, Occasion(DocumentKind.ASSIGNMENT, "k", duty()), matter(SHORT, SHORT), [], "")
    kept = sheet.to_json()
    assert Sheet.from_json(kept) == sheet
    assert Sheet.from_json(kept).to_json() == kept
    assert digest_of(kept) != digest_of(kept.replace("3月13日", "3月14日"))


def test_what_may_be_issued_follows_the_duties_that_stand_and_the_level() -> None:
    case = Case(merged_into=None)
    ended = duty(id="f" * 32, status=AssignmentStatus.SUPERSEDED)
    instruction = Instruction(id="i" * 32, decision=Decided.OTHER, decided_at=NOW)
    kinds = [o.kind for o in occasions_of_case(case, [duty(), ended], [clock(DeadlineKind.FEEDBACK)], [])]
    assert kinds == [DocumentKind.ASSIGNMENT]
    high = [clock(DeadlineKind.FEEDBACK, level=3)]
    found = occasions_of_case(case, [duty()], high, [instruction])
    assert [o.kind for o in found] == [DocumentKind.ASSIGNMENT, DocumentKind.SUPERVISION, DocumentKind.SUPERVISION]
    assert len({o.key for o in found}) == 3
    assert occasions_of_case(Case(merged_into="x"), [duty()], high, []) == []


def test_a_moved_meeting_is_another_occasion_and_an_undated_one_is_none() -> None:
    item = AgendaItem(consultation_id="s", case_id="c", outcome=None)
    seats = [Invitation(department_code="FR-MZ", on_behalf_of=[])]

    def held(meeting_at: datetime | None) -> Consultation:
        return Consultation(
            id="s" * 32, status=ConsultationStatus.SCHEDULED, meeting_at=meeting_at, place="二楼", minutes=None,
            concluded_at=None,
        )  # fmt: skip

    assert occasions_of_session(held(None), [item], seats) == []
    (first,) = occasions_of_session(held(NOW), [item], seats)
    (second,) = occasions_of_session(held(DUE), [item], seats)
    assert first.kind is second.kind is DocumentKind.INVITATION
    assert first.key != second.key


def test_many_topics_are_an_annex_and_their_words_are_cut_short() -> None:
    session = Consultation(number="HS-2026-000001", meeting_at=NOW, minutes_long=90, place="三楼东湖会议室", due_at=DUE)
    topics = [Topic(f"YL-2026-{n:06d}", [{"title": None, "text": "问" * 300}]) for n in range(1, 15)]
    seats = [Invitation(department_code="CS-MZ", on_behalf_of=["HN-MZ"])]
    sheet = word_invitation(LETTER, session, topics, seats)
    (annex,) = sheet.annexes
    assert len(annex.blocks[0].rows) == 14
    assert max(len(row[2]) for row in annex.blocks[0].rows) == 100
    assert "2026年3月2日（星期一）9:30，会期约90分钟。" in text_of(sheet)
    assert "长沙市民政局（代表湖南省民政厅）。" in text_of(sheet)
    assert "三楼〔隐去〕会议室。" in text_of(sheet)


@pytest.mark.parametrize(("number", "said"), [(1, "一"), (10, "十"), (11, "十一"), (20, "二十"), (35, "三十五")])
def test_chinese_numerals(number: int, said: str) -> None:
    assert to_numeral(number) == said
