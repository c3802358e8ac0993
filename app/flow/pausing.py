"""暂停计时: the office lets a department's clock stand still, or go on; department and reporters are told."""

from app.casefile import CaseFile
from app.close import interim
from app.flow.desk import Desk
from app.flow.handle import open_duty
from app.models import Assignment
from app.supervise.pause import PauseWish, get_pause, pause_clock, resume_clock

Acted = tuple[CaseFile, Assignment]


async def pause_duty(desk: Desk, assignment_id: str, wish: PauseWish, expected_version: int | None = None) -> Acted:
    """Pause a duty's answer clock until a date at the latest; meanwhile a clock of the office's own runs.

    Raises NotFound, StaleVersion, or what `pause_clock` raises.
    """
    file, assignment = await open_duty(desk, assignment_id, expected_version)
    meanwhile = pause_clock(file, assignment, wish)
    interim.tell_pause(file, await desk.reports_on(file), wish.blocker, meanwhile)
    await desk.finish(file)
    return file, assignment


async def resume_duty(desk: Desk, assignment_id: str, expected_version: int | None = None) -> Acted:
    """Let it go on with the working days that were left. Raises NotFound, StaleVersion or NotPaused."""
    file, assignment = await open_duty(desk, assignment_id, expected_version)
    clock = resume_clock(file, get_pause(file, assignment))
    interim.tell_resumption(file, await desk.reports_on(file), clock)
    await desk.finish(file)
    return file, assignment
