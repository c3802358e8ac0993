"""The yardstick of intake: a bare FastAPI + SQLAlchemy handler that inserts two rows, on the same engines."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.database import Database
from app.models import new_id


class BareBase(DeclarativeBase):
    """Tables of the yardstick only."""


class Note(BareBase):
    __tablename__ = "bare_notes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class Entry(BareBase):
    __tablename__ = "bare_entries"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    note_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(20))


class NoteIn(BaseModel):
    text: str = Field(min_length=1, max_length=20_000)


class NoteOut(BaseModel):
    id: str


def create_bare_app() -> FastAPI:
    """The bare application over `YILONG_DATABASE_URL`."""
    database = Database(os.environ["YILONG_DATABASE_URL"])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with database.writer.begin() as connection:
            await connection.run_sync(BareBase.metadata.create_all)
        yield
        await database.dispose()

    application = FastAPI(lifespan=lifespan)

    @application.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @application.post("/v1/reports", status_code=201)
    async def post_note(body: NoteIn) -> NoteOut:
        async with database.write() as session:
            note = Note(id=new_id(), text=body.text)
            session.add(note)
            session.add(Entry(id=new_id(), note_id=note.id, kind="received"))
        return NoteOut(id=note.id)

    return application
