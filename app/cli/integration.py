"""`yilong check-endpoint` and `yilong department-simulator`: for those who connect a department's system."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.running import FALSE, fail, run_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.deliver.conformance import Finding
    from app.deliver.guard import Guard

SecretOption = Annotated[
    str, typer.Option(envvar="YILONG_ENDPOINT_SECRET", help="The address's signing secret, whsec_…", show_envvar=True)
]


def register(application: typer.Typer) -> None:
    """Add the commands."""
    application.command("check-endpoint")(check_endpoint)
    application.command("department-simulator")(department_simulator)


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
        typer.echo(f"不符合 {broken} 项，共 {len(findings)} 项。{broken} of {len(findings)} do not hold.")
        raise typer.Exit(FALSE)
    typer.echo(f"全部符合（{len(findings)} 项）。All {len(findings)} hold.")


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


def department_simulator(
    department: Annotated[str, typer.Option(help="Code of the department it stands for, such as FR-MZ.")],
    service: Annotated[str, typer.Option(help="Address of Yilong, for the callbacks.")],
    secret: Annotated[
        list[str],
        typer.Option(
            envvar="YILONG_ENDPOINT_SECRET",
            help="The address's signing secret; a second one while it is rotated, newest first.",
            show_envvar=True,
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = 9000,
    answers: Annotated[
        str, typer.Option(help="prompt, typical (as the seed says), decline, late (moves when chased) or silent.")
    ] = "prompt",
    wait: Annotated[float, typer.Option(help="Seconds before each callback.")] = 1.0,
    delay: Annotated[float, typer.Option(help="Seconds until a webhook is answered; over 15 is too late.")] = 0.0,
    error_rate: Annotated[float, typer.Option(help="Share of webhooks answered 500, 0 to 1.")] = 0.0,
    down: Annotated[
        list[str] | None, typer.Option(help="Switched off in these seconds after the start, such as 30-60; repeatable.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            exists=True,
            help='Phases as JSON: [{"from": 30, "error_rate": 0.5}, {"from": 60, "answers": "decline", "delay": 3}].',
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so many seconds; else on Ctrl-C.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed answers in the same words.")] = 45,
) -> None:
    """Play a department's system: receive, verify, answer by signed callbacks; slow, broken or declining on request.

    Ends with 1 where a signature was wrong, or a callback was refused (a conflict is none) or never answered.
    """
    for each in secret:
        _require_secret(each)
    if not service.startswith(("http://", "https://")):
        fail("--service 应以 http:// 或 https:// 开头。--service begins with http:// or https://.")
    start = {"answers": answers, "wait": wait, "delay": delay, "error_rate": error_rate}
    where = {"host": host, "port": port, "service": service.rstrip("/"), "seconds": seconds}
    phases = script.read_text(encoding="utf-8") if script else "[]"
    if not run_plain(_simulate(department, tuple(secret), start, down or [], phases, where, seed)):
        raise typer.Exit(FALSE)


async def _simulate(
    code: str,
    secrets: tuple[str, ...],
    start: "Mapping[str, Any]",
    down: list[str],
    phases: str,
    where: "Mapping[str, Any]",
    seed: int,
) -> bool:
    from app.clock import SystemClock
    from app.demo.correspondent import Correspondent
    from app.demo.script import Conditions, Script, read_phases, read_window
    from app.demo.simulator import Place, read_departments, run

    departments = read_departments()
    if code not in departments:
        fail(f"资料包中没有部门 {code}。No department {code} in the bundled pack.")
    try:
        windows = [read_window(each) for each in down]
    except ValueError as error:
        fail(f"--down 应写成 30-60(秒)。--down is written 30-60, in seconds: {error}")
    conditions = Script(Conditions(**start), read_phases(phases), windows)
    who = Correspondent(code, secrets)
    return await run(Place(**where), who, departments, conditions, seed, SystemClock(), typer.echo)
