"""How a command works with the database: open a runtime, run one coroutine, say in plain words what went wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from app.runtime import Runtime

Result = TypeVar("Result")
FALSE, USAGE = 1, 2


def fail(message: str, code: int = USAGE) -> NoReturn:
    """Print to standard error and leave with that exit code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


@asynccontextmanager
async def opened_runtime(*, with_city: bool = True) -> AsyncIterator["Runtime"]:
    """A runtime over a schema that is at head; reading the city takes a second, which not every command needs."""
    from app.directory.schema import is_at_head
    from app.runtime import make_runtime
    from app.settings import get_settings

    runtime = make_runtime(get_settings())
    try:
        if not await is_at_head(runtime.database):
            fail("数据库结构不是最新版本。请先运行 yilong migrate。The schema is not at head: run `yilong migrate`.")
        await runtime.start(with_city=with_city)
        yield runtime
    finally:
        await runtime.close()


def run(work: Callable[["Runtime"], Awaitable[Result]], *, with_city: bool = True) -> Result:
    """Run one command's coroutine; problems become a sentence and exit code 2."""

    async def body() -> Result:
        async with opened_runtime(with_city=with_city) as runtime:
            return await work(runtime)

    return run_plain(body())


def run_plain(
    work: Coroutine[Any, Any, Result], *, loop: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Result:
    """The same without a runtime; `loop` makes another event loop than the usual one."""
    from pydantic import ValidationError
    from sqlalchemy.exc import DBAPIError

    from app.problems import AppError

    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(work)
    except typer.Exit:
        raise
    except AppError as error:
        fail(f"{error.title_zh}: {error.zh}\n{error.en}")
    except ValidationError as error:
        fail("\n".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)))
    except DBAPIError:
        fail("无法连接数据库，请检查 YILONG_DATABASE_URL。Cannot reach the database; check YILONG_DATABASE_URL.")
    except (OSError, RuntimeError) as error:
        fail(str(error))
