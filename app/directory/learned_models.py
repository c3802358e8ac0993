"""Keeps learned models: candidates, the back-test each has had, and the one in force, for every replica to read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.linear import LinearModel
from app.models import LearnedModel
from app.problems import AppError, Conflict


class NoSuchModel(AppError):
    status, code = 404, "no_such_model"
    title_zh, title_en = "没有这个模型版本", "No such model"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"没有版本为“{version}”的模型。请用 yilong learn --list 查看。",
            f"There is no model of version “{version}”. See `yilong learn --list`.",
        )


class NotBackTested(Conflict):
    code = "not_backtested"
    title_zh, title_en = "尚未回放检验", "Not back-tested"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"模型启用前须先回放检验：yilong backtest --model {version}。",
            f"A model is back-tested before it is activated: `yilong backtest --model {version}`.",
        )


async def store_model(
    session: AsyncSession,
    model: LinearModel,
    *,
    trained_on: Mapping[str, Any],
    validation: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Keep a model as a candidate. False where the very same one is here already."""
    if await session.get(LearnedModel, model.version) is not None:
        return False
    session.add(
        LearnedModel(
            version=model.version,
            created_at=now,
            trained_on=dict(trained_on),
            validation=dict(validation),
            payload=model.to_bytes(),
            active=False,
        )
    )
    return True


async def list_models(session: AsyncSession) -> Sequence[LearnedModel]:
    """All models without their payload, oldest first."""
    rows = await session.scalars(select(LearnedModel).order_by(LearnedModel.created_at, LearnedModel.version))
    return rows.all()


async def find_active_version(session: AsyncSession) -> str:
    """The version in force; '' where there is none."""
    return await session.scalar(select(LearnedModel.version).where(LearnedModel.active)) or ""


async def get_payload(session: AsyncSession, version: str) -> bytes:
    """A model as it was stored; raises NoSuchModel."""
    payload = await session.scalar(select(LearnedModel.payload).where(LearnedModel.version == version))
    if payload is None:
        raise NoSuchModel(version)
    return payload


async def record_backtest(session: AsyncSession, version: str, result: Mapping[str, Any], now: datetime) -> None:
    """Keep what a back-test of this version showed, the newest only; raises NoSuchModel."""
    row = await _get_row(session, version)
    row.backtest, row.backtested_at = dict(result), now


async def activate_model(session: AsyncSession, version: str, now: datetime) -> bool:
    """Put a model in force in place of any other. False where it is already. Raises NoSuchModel or NotBackTested."""
    row = await _get_row(session, version)
    if row.backtested_at is None:
        raise NotBackTested(version)
    if row.active:
        return False
    await deactivate_models(session)
    row.active, row.activated_at = True, now
    return True


async def deactivate_models(session: AsyncSession) -> bool:
    """Put no model in force. False where none was."""
    active = await find_active_version(session)
    await session.execute(update(LearnedModel).where(LearnedModel.active).values(active=False))
    return bool(active)


async def _get_row(session: AsyncSession, version: str) -> LearnedModel:
    row = await session.scalar(select(LearnedModel).where(LearnedModel.version == version).with_for_update())
    if row is None:
        raise NoSuchModel(version)
    return row
