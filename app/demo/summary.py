"""What is said at the end: the year in figures as a plain table, then the proof: reconciliation and audit chain."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from app.database import Database
from app.demo.scene import CATEGORIES
from app.ledger.account import Account, read_account
from app.ledger.fingerprint import read_fingerprint
from app.ledger.reconcile import reconcile, verify_chains

Say = Callable[[str], None]
OUTCOMES = {
    "relieved": "已减负",
    "unresolved": "未解决",
    "not_a_burden": "不属负担",
    "answered": "答复办结",
    "merged": "并入",
}
CLOCKS = {
    "triage": "分办",
    "acceptance": "签收",
    "feedback": "反馈",
    "forwarding": "上报",
    "chase": "跟踪答复",
    "consultation": "会商",
    "review": "审核",
    "verification": "核实",
    "revisit": "再议",
    "pause": "暂停",
}
EXTENSIONS = {"requested": "待定", "granted": "同意", "refused": "不同意", "lapsed": "失效"}
REPLIES = {"interim": "阶段", "unresolved": "挂账待解", "final": "办结"}
SESSIONS = {"convened": "未开", "scheduled": "已定时间", "concluded": "已结", "cancelled": "取消或并入他场"}
BLOCKERS = {"awaiting_information": "等情况", "awaiting_province": "等省里", "awaiting_other": "等其他"}
LOOK_BACKS = {"holds": "没有反弹", "relapsed": "反弹", "no_answer": "未答", "withdrawn": "撤回"}
DECISIONS = {"meeting": "会商", "extension": "延期", "ruling": "裁定", "closing": "办结", "other": "其他"}
MOST_SHOWN = 40


def summarize(account: Account, counts: Counter[str], refusals: Counter[str]) -> Iterator[str]:
    """One line for each subject: its name, then its figures."""
    happened = Counter(account.happened)
    triage = counts["unclear"] / counts["reports"] if counts["reports"] else 0.0
    rows = {
        "线索": f"{account.reports} 条，其中并入在账事项 {counts['joined']} 条，重发未重收 {counts['sent twice']} 次",
        "研判": f"{_named(CATEGORIES, counts)}（送统筹部门 {triage:.0%}）",
        "事项": _named(CATEGORIES, account.categories),
        "办结": _named(OUTCOMES, account.outcomes) or "无",
        "减负用时": "无" if account.relief_days is None else f"中位数 {account.relief_days:.0f} 天",
        "按时率": "、".join(
            f"{CLOCKS.get(kind, kind)} {met / (met + missed):.0%}" for kind, (met, missed) in account.clocks.items()
        )
        or "无",
        "退回": f"{account.returns} 次；裁定 {counts['rulings']} 件，紧急事项 {account.urgencies.get('urgent', 0)} 件",
        "会商": f"{_named(SESSIONS, account.sessions) or '无'}；合并 {counts['batched']} 场，无一致意见由统筹部门裁定 "
        f"{account.ruled} 件，有保留意见 {account.dissenting} 件，延期再议 {counts['adjourned']} 次",
        "并案": f"建议 {counts['suggested pairs']} 对，并案 {counts['merged']} 件，拆分 {counts['split']} 件",
        "佐证": f"{account.files} 份",
        "挂账待解": f"{happened['case.left_unresolved']} 次，两次核实未减 {happened['verification.disputed']} 件",
        "回头看": f"{_named(LOOK_BACKS, account.look_backs) or '无'}；回潮 {happened['case.relapsed']} 次，"
        f"其中再次反映 {counts['reopened by report']} 次",
        "暂停": f"{_named(BLOCKERS, account.pauses) or '无'}；恢复 {happened['assignment.resumed']} 次",
        "期限重算": f"导入放假安排 {counts['notices']} 次，期限变动 "
        f"{happened['assignment.deadline_changed'] + happened['case.deadline_changed']} 个；"
        f"时限规则 {counts['terms set']} 条",
        "延期": _named(EXTENSIONS, account.extensions) or "无",
        "督办": "、".join(f"{level} 级 {count}" for level, count in account.levels.items()) or "无",
        "答复督办": f"{happened['supervision.replied']} 次，未兑现 {happened['supervision.promise_broken']} 次；"
        f"负责人批示：{_named(DECISIONS, account.instructions) or '无'}",
        "每日": f"提要 {account.digests} 份，夜间对账 {account.nights} 次（有问题 {account.bad_nights} 次）",
        "回应": _named(REPLIES, account.replies) or "无",
        "推送": f"{account.attempts} 次，送达 {counts['webhooks']} 件；对方停机 {counts['unreachable']}、"
        f"出错 {counts['failures']}、超时 {counts['slow answers']}、重复收到 {counts['duplicates']}",
        "回调": f"{counts['callbacks']} 次，重复 {counts['repeated callbacks']} 次",
        "未被接受": "、".join(f"{what} {count}" for what, count in sorted(refusals.items())[:MOST_SHOWN]) or "无",
    }
    for subject, figures in rows.items():
        yield f"{subject}{'　' * (4 - len(subject))}  {figures}"


def _named(names: Mapping[str, str], counts: Mapping[str, int]) -> str:
    return "、".join(f"{name} {counts[kind]}" for kind, name in names.items() if counts.get(kind))


async def conclude(
    database: Database, counts: Counter[str], refusals: Counter[str], faults: list[str], say: Say
) -> bool:
    """Say the figures and prove the ledger; whether it holds and nothing was answered 5xx."""
    async with database.snapshot() as session:
        account = await read_account(session)
        for line in summarize(account, counts, refusals):
            say(line)
        result = await reconcile(session)
        events, broken = await verify_chains(session)
        fingerprint = await read_fingerprint(session)
    say(f"线索 {result.reports} · 挂账 {result.opened} − 销号 {result.closed} = 在账 {result.on_ledger}")
    for offender in result.offenders:
        say(f"{offender.number}: {offender.fault}")
    for link in broken:
        say(f"{link.case_id} #{link.seq}: {link.fault}")
    for fault in faults:
        say(f"服务出错：{fault}")
    holds = result.holds and not broken and not faults and not account.bad_nights
    say(f"对账无误，审计链完好（{events} 个事件）。" if holds else "对账、审计链或服务有问题，见上。")
    say(f"台账指纹 {fingerprint}")
    return holds
