"""`yilong rotate-key-encryption`: seals the stored secrets anew under the present secret key."""

from typing import TYPE_CHECKING

import typer

from app.cli.running import FALSE, fail, run

if TYPE_CHECKING:
    from app.flow.resealing import Resealed
    from app.runtime import Runtime

MOST_NAMED = 20


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command("rotate-key-encryption")(rotate_key_encryption)


def rotate_key_encryption() -> None:
    """Seal all stored secrets anew under YILONG_SECRET_KEY; YILONG_FORMER_SECRET_KEYS names the keys before it.

    The service may go on meanwhile; a run that was broken off is run again. Exit code 1: some no known key opens.
    """

    async def work(runtime: "Runtime") -> "Resealed":
        from app.flow.resealing import reseal_all

        return await reseal_all(runtime.database, runtime.sealer)

    done = run(work)
    typer.echo(f"已换密钥：{done.anew}；原已是新密钥：{done.already}；无法解开：{len(done.broken)}")
    if done.broken:
        named = "\n".join(done.broken[:MOST_NAMED])
        fail(
            f"{named}\n这些密文无法用已知密钥解开。请把当时的密钥列入 YILONG_FORMER_SECRET_KEYS 后再运行。"
            "No known key opens these: list theirs in YILONG_FORMER_SECRET_KEYS and run it again.",
            FALSE,
        )
    typer.echo("可以从 YILONG_FORMER_SECRET_KEYS 中去掉旧密钥了。YILONG_FORMER_SECRET_KEYS may be emptied now.")
