"""`yilong check-endpoint` and `yilong department-simulator`: for those who connect a department's system."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.running import FALSE, fail, run_plain

if TYPE_CHECKING:
    from app.deliver.conformance import Finding
    from app.deliver.guard import Guard

SecretOption = Annotated[
    str, typer.Option(envvar="YILONG_ENDPOINT_SECRET", help="The address's signing secret, whsec_…", show_envvar=True)
]


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command("check-endpoint")(check_endpoint)


def check_endpoint(
    url: Annotated[str, typer.Argument(help="The receiver's address. Use a test system: the events are invented.")],
    secret: SecretOption,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Also try an address on this machine.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, max=15, help="Seconds that one answer may take.")] = 15.0,
) -> None:
    """Try a department's receiver from our side: signatures, challenge, duplicates, order, time, size, redirects."""
    _require_secret(secret)
    findings = run_plain(_check(url, secret, allow_loopback=allow_loopback, seconds=timeout))
    broken = sum(finding.verdict == "✗" for finding in findings)
    if broken:
        typer.echo(f"不符合 {broken} 项,共 {len(findings)} 项。{broken} of {len(findings)} do not hold.")
        raise typer.Exit(FALSE)
    typer.echo(f"全部符合({len(findings)} 项)。All {len(findings)} hold.")


def _require_secret(secret: str) -> None:
    from app.deliver.signing import BadSecret, key_of

    try:
        key_of(secret)
    except BadSecret as error:
        fail(f"签名密钥须为 whsec_ 加 base64。--secret: {error}.")


def _guard(*, allow_loopback: bool) -> "Guard":
    from app.deliver.guard import Guard
    from app.settings import get_settings

    settings = get_settings()
    allowed = allow_loopback or settings.delivery_allow_loopback
    return Guard.of(settings.delivery_allowed_networks, allow_loopback=allowed)


async def _check(url: str, secret: str, *, allow_loopback: bool, seconds: float) -> "list[Finding]":
    from app.clock import SystemClock
    from app.deliver.conformance import check
    from app.deliver.send import Sender

    guard = _guard(allow_loopback=allow_loopback)
    guard.check_url(url)
    sender, findings = Sender(guard, total_seconds=seconds), []
    try:
        async for finding in check(sender, url, secret, SystemClock()):
            findings.append(finding)
            typer.echo(f"{finding.verdict} {finding.zh} {finding.en}  {finding.observed}")
            for line in finding.remedy or ():
                typer.echo(f"    {line}")
    finally:
        await sender.aclose()
    return findings
