"""A condition that keeps one party's own from another is taken out of the code: the matrix must notice each time."""

import os
import random
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from app.clock import FixedClock
from tests.access.filters import Filter, find_filters, removed
from tests.access.matrix import Matrix
from tests.access.references import check_references
from tests.access.scene import Scene, build, moved
from tests.city import new_city, open_city
from tests.conftest import Say

SEED, PICKED = 20260302, 10
# What compares an owner, or asks whether somebody stands, without keeping anything from anybody.
NO_SCOPES: Mapping[str, str] = {
    "app.api.door:spend_as_a_key: principal.is_office": "whose requests are counted",
    "app.access.idempotency:-: IdempotentAnswer.holder == bindparam('of_holder')": "forgets what is old",
    "app.access.keyholders:KeyFilter.conditions: ApiKey.observation_point_code == self.observation_point": "a choice",
    "app.access.keyholders:KeyFilter.conditions: ApiKey.department_code == self.department": "a choice",
    "app.access.keys:add_key: ApiKey.observation_point_code == point": "counts a holder's keys",
    "app.access.keys:add_key: ApiKey.department_code == department": "counts a holder's keys",
    "app.consult.convene:invite: guest.department in known": "who sits at the table already",
    "app.consult.convene:invite: g.department not in known": "who sits at the table already",
    "app.consult.schedule:read_bookings: Invitation.withdrawn_at.is_(None)": "who is busy when",
    "app.deliver.daily_queue:_notices: Event.department_code == code": "leaves out what was read already",
    "app.deliver.bundle:_addressee: Department.code == Endpoint.department_code": "joins",
    "app.deliver.endpoints:register_endpoint: Endpoint.department_code == department_code": "one address once",
    "app.deliver.endpoints:_configs_of: Endpoint.department_code == department_code": "one channel once",
    "app.deliver.endpoints:find_address: Department.code == Endpoint.department_code": "joins",
    "app.deliver.replay:replay_many: Endpoint.department_code == department": "the operator's choice",
    "app.feedback.returning:check_return: said.proposed_department != assignment.department_code": "a rule",
    "app.flow.citing:find_standing: Precedent.withdrawn_at.is_(None)": "whether a precedent is in force",
    "app.flow.precedents:keep_precedent: Precedent.withdrawn_at.is_(None)": "whether a precedent is in force",
    "app.ledger.precedents:cited_on: Precedent.withdrawn_at.is_(None)": "whether a precedent is in force",
    "app.flow.relapse:put_back: duty.department_code not in desk.city.departments": "whether it still exists",
    "app.ledger.account:read_account: Digest.recipient != ROUND": "counts, for the office",
    "app.ledger.invariants:_of_owners: Assignment.department_code == Case.owner_department": "proves the ledger",
    "app.ledger.invariants:_of_events: Endpoint.department_code == Event.department_code": "proves the ledger",
    "app.ledger.pages:page_deliveries: Endpoint.department_code == department": "the office's choice",
    "app.ledger.search:conditions_of: Assignment.department_code == wanted.department": "the office's choice",
    "app.ledger.sessions:SessionRecord.has_stated: p.department_code == department": "looks up, in what was read",
    "app.ledger.sessions:SessionRecord.position_of: p.department_code == department": "looks up, in what was read",
    "app.ledger.sessions:records_of: Invitation.withdrawn_at.is_(None)": "shows the office the seats that stand",
    "app.supervise.digest:_collect_invitations: Invitation.withdrawn_at.is_(None)": "told by the worker",
    "app.supervise.urge:standings: duty.department_code in told_today": "who was told today",
    "app.supervise.digest:_told_until: Digest.recipient == ROUND": "which days are done",
}  # fmt: skip


def scopes() -> list[Filter]:
    return [found for found in find_filters() if str(found) not in NO_SCOPES]


def picked() -> list[Filter]:
    """Ten by chance, always the same; all of them with `YILONG_ALL_FILTERS=1`."""
    known = scopes()
    return known if os.environ.get("YILONG_ALL_FILTERS") else random.Random(SEED).sample(known, PICKED)


def test_what_is_said_to_keep_nothing_from_anybody_is_there() -> None:
    assert set(NO_SCOPES) <= {str(found) for found in find_filters()}


async def notices(scene: Scene, folder: Path, name: str, wanted: Filter | None) -> str | None:
    """What the matrix says first of the application without a condition, on a copy of the scene; None for nothing."""
    copy = folder / f"{name}.db"
    shutil.copyfile(folder / "city.db", copy)
    async with open_city(f"sqlite:///{copy}", folder, scene.city.clock) as city:
        matrix = Matrix(moved(scene, city), stop_at_first=True)
        try:
            with removed(wanted) if wanted else nullcontext():
                await matrix.lists()
                await matrix.page_lists()
                await check_references(matrix)
                await matrix.reach()
        except Exception as error:
            return f"{type(error).__name__} {error}"
    return None


async def test_no_scope_goes_missing_unnoticed(tmp_path: Path, clock: FixedClock, say: Say) -> None:
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock) as city:
            scene = await build(city)
        assert await notices(scene, tmp_path, "whole", None) is None
        said = {f: await notices(scene, tmp_path, f"copy-{n}", f) for n, f in enumerate(picked())}
    say(f"mutations: {len(said)} of {len(scopes())} scopes, seed {SEED}")
    for found, first in said.items():
        say(f"  {found}\n    → {(first or 'NOTHING')[:150]}")
    assert [str(found) for found, first in said.items() if first is None] == []
