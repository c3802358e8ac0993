"""One at a time: whoever changes terms or calendar waits for the one before."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import PackVersion


async def lock_directory(session: AsyncSession) -> None:
    """Hold the active pack's row until the transaction ends; SQLite has one writer anyway."""
    await session.execute(select(PackVersion.version).where(PackVersion.active).with_for_update())
