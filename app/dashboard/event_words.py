"""The events of a case in words: what each is called, and what its facts say that people want to read. No rules."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from app.dashboard import labels
from app.dashboard.labels import Labels
from app.dashboard.language import N_
from app.models import DIGEST_TYPE

if TYPE_CHECKING:
    from app.dashboard.words import Words

Reader = Callable[["Words", Any], str]

EVENT: Final[Labels] = {
    DIGEST_TYPE: N_("每日提要"),
    "case.opened": N_("登记立项"),
    "report.joined": N_("新线索并入"),
    "report.disclosure_changed": N_("调整部门将看到的文字"),
    "report.contact_viewed": N_("查看反映人联系方式"),
    "report.contact_erased": N_("删除反映人联系方式"),
    "case.merged": N_("并入其他事项"),
    "case.took_over": N_("其他事项并入"),
    "reports.split_off": N_("拆分线索"),
    "reports.taken_back": N_("线索拆回"),
    "case.ruled": N_("统筹部门裁定"),
    "ruling.taken_back": N_("撤回裁定"),
    "precedent.kept": N_("形成先例"),
    "precedent.withdrawn": N_("撤销先例"),
    "precedent.made_standing": N_("定为常规裁定"),
    "precedent.standing_ended": N_("终止常规裁定"),
    "case.left_unresolved": N_("转挂账待解"),
    "document.issued": N_("印发公文"),
    "document.voided": N_("公文作废"),
    "case.struck_off": N_("销号"),
    "case.closed": N_("通知办结"),
    "case.put_back": N_("重新挂账"),
    "case.reopened": N_("通知重新挂账"),
    "assignment.created": N_("交办"),
    "assignment.accepted": N_("签收"),
    "assignment.returned": N_("退回统筹部门"),
    "assignment.return_refused": N_("再次退回，转入会商"),
    "assignment.progressed": N_("办理进展"),
    "assignment.responded": N_("反馈办理情况"),
    "assignment.returned_to_department": N_("退回重办"),
    "assignment.closed": N_("收回交办"),
    "assignment.reminded": N_("临期提醒"),
    "assignment.urged": N_("人工催办"),
    "assignment.overdue": N_("逾期"),
    "assignment.supervised": N_("督办"),
    "case.delay_told": N_("已向反映人说明未能按期"),
    "supervision.replied": N_("督办答复"),
    "supervision.promise_broken": N_("承诺未兑现"),
    "supervision.decided": N_("负责人批示"),
    "supervision.released": N_("恢复督办"),
    "assignment.extension_requested": N_("申请延期"),
    "assignment.extension_decided": N_("延期审批"),
    "assignment.paused": N_("暂停计时"),
    "assignment.resumed": N_("恢复计时"),
    "assignment.deadline_changed": N_("期限重算"),
    "case.deadline_changed": N_("期限重算"),
    "escalation.created": N_("转市直部门上报"),
    "escalation.forwarded": N_("已上报省级部门"),
    "escalation.answered": N_("省级部门答复"),
    "escalation.chase": N_("催办省级答复"),
    "feedback.approved": N_("审核通过"),
    "consultation.invited": N_("邀请会商"),
    "consultation.responded": N_("参会答复"),
    "consultation.scheduled": N_("确定会期"),
    "consultation.rescheduled": N_("通知会商时间地点"),
    "consultation.moved": N_("并入其他会商"),
    "consultation.extended": N_("延长会商时限"),
    "consultation.concluded": N_("会商结论"),
    "consultation.cancelled": N_("会商取消"),
    "opinion.stated": N_("会商意见"),
    "second_opinion.obtained": N_("取得第二意见"),
    "verification.asked": N_("请观测点核实"),
    "verification.answered": N_("观测点答复核实"),
    "verification.lapsed": N_("核实逾期"),
    "verification.disputed": N_("多次核实未减负，交统筹部门决定"),
    "office.overdue": N_("统筹部门逾期"),
    "case.relapsed": N_("回潮"),
    "look_back.asked": N_("回头看"),
    "look_back.answered": N_("观测点答复回头看"),
    "look_back.lapsed": N_("回头看未答复"),
}
EVENT_TONES: Final[Labels] = {
    "report.contact_viewed": "warning",
    "report.contact_erased": "info",
    "case.opened": "info",
    "case.ruled": "info",
    "ruling.taken_back": "warning",
    "assignment.created": "info",
    "escalation.created": "info",
    "assignment.responded": "success",
    "escalation.answered": "success",
    "feedback.approved": "success",
    "case.struck_off": "success",
    "assignment.returned": "warning",
    "assignment.return_refused": "warning",
    "assignment.extension_requested": "warning",
    "assignment.paused": "warning",
    "assignment.resumed": "info",
    "assignment.deadline_changed": "info",
    "case.deadline_changed": "info",
    "assignment.returned_to_department": "warning",
    "case.put_back": "warning",
    "case.left_unresolved": "warning",
    "verification.disputed": "warning",
    "case.merged": "info",
    "case.took_over": "info",
    "reports.split_off": "warning",
    "reports.taken_back": "warning",
    "verification.lapsed": "warning",
    "assignment.reminded": "warning",
    "assignment.urged": "warning",
    "assignment.overdue": "danger",
    "assignment.supervised": "danger",
    "office.overdue": "danger",
    "case.relapsed": "danger",
    "document.issued": "info",
    "document.voided": "warning",
    "supervision.replied": "warning",
    "supervision.promise_broken": "danger",
    "supervision.decided": "info",
}
# What a piece of evidence is, by the name of the rule that found it; patterns (R01, W02 …) are one kind.


def _label(table: Mapping[str, str]) -> Reader:
    return lambda words, key: words.label(table, key)


def _as_it_is(_: "Words", value: Any) -> str:
    return str(value)


def _list(_: "Words", values: Any) -> str:
    return "、".join(values)


def _day(words: "Words", moment: Any) -> str:
    return words.day(moment)


def _moment(words: "Words", moment: Any) -> str:
    return words.moment(moment)


def _reasons(words: "Words", value: Any) -> str:
    """Why something was joined, stays or was ended: one word or several."""
    known = {**labels.LIKENESS, **labels.BECAUSE}
    return "、".join(words.label(known, key) for key in ([value] if isinstance(value, str) else value))


def _yes_or_no(words: "Words", value: Any) -> str:
    return words.say(N_("是")) if value else words.say(N_("否"))


# In the order in which they are shown; opaque ids are left out.
FACTS: Final[tuple[tuple[str, str, Reader], ...]] = (
    ("report", N_("线索"), _as_it_is),
    ("reports", N_("线索"), _list),
    ("into", N_("并入"), _as_it_is),
    ("case", N_("事项"), _as_it_is),
    ("cases", N_("事项"), _list),
    ("split_from", N_("拆分自"), _as_it_is),
    ("score", N_("相似度"), lambda _, score: f"{score:.0%}"),
    ("document_number", N_("发文字号"), _as_it_is),
    ("document_kind", N_("文种"), _label(labels.DOCUMENT_KIND)),
    ("consultation", N_("会商"), _as_it_is),
    ("precedent", N_("先例"), _as_it_is),
    ("last_day", N_("截止日期"), _day),
    ("category", N_("类别"), _label(labels.CATEGORY)),
    ("sources", N_("来源"), lambda words, codes: words.departments(codes)),
    ("department", N_("单位"), lambda words, code: words.department(code)),
    ("receivers", N_("承办单位"), lambda words, codes: words.departments(codes)),
    ("lead", N_("牵头单位"), lambda words, code: words.department(code)),
    ("supporting", N_("协办单位"), lambda words, codes: words.departments(codes)),
    ("role", N_("角色"), _label(labels.DUTY_ROLE)),
    ("outcome", N_("办理结果"), _label(labels.OUTCOME)),
    ("moved_from", N_("原会商"), _as_it_is),
    ("answer", N_("参会答复"), _label(labels.INVITATION_ANSWER)),
    ("meeting_at", N_("会议时间"), _moment),
    ("previously", N_("原定时间"), _moment),
    ("place", N_("地点"), _as_it_is),
    ("despite_clash", N_("仍安排，与之冲突"), _list),
    ("manner", N_("形成方式"), _label(labels.MANNER)),
    ("part", N_("承担"), _label(labels.PART)),
    ("attendance", N_("出席情况"), _label(labels.ATTENDANCE)),
    ("dissent", N_("保留意见"), lambda words, codes: words.departments(codes)),
    ("why", N_("理由"), _as_it_is),
    ("position", N_("意见"), _label(labels.POSITION)),
    ("basis", N_("依据"), _as_it_is),
    ("reason", N_("退回理由"), _label(labels.RETURN_REASON)),
    ("proposed_department", N_("建议承办"), lambda words, code: words.department(code)),
    ("suggested", N_("第二意见所指单位"), lambda words, codes: words.departments(codes)),
    ("model", N_("模型"), _as_it_is),
    ("reference", N_("文号"), _as_it_is),
    ("forwarded_on", N_("上报日期"), _day),
    ("granted", N_("是否同意延期"), _yes_or_no),
    ("urgency", N_("紧急程度"), _label(labels.URGENCY)),
    ("blocker", N_("等待事由"), _label(labels.BLOCKER)),
    ("remaining_days", N_("保留工作日"), _as_it_is),
    ("until", N_("期限"), _day),
    ("was", N_("原期限"), _day),
    ("due_at", N_("现期限"), _day),
    ("kind", N_("时限"), _label(labels.DEADLINE_KIND)),
    ("level", N_("督办级别"), _as_it_is),
    ("reply_by", N_("答复期限"), _day),
    ("promised_on", N_("承诺日期"), _day),
    ("decision", N_("批示"), _label(labels.DECIDED)),
    ("look_again_on", N_("再次查看"), _day),
    ("kinds", N_("时限"), lambda words, keys: "、".join(words.label(labels.DEADLINE_KIND, key) for key in keys)),
    ("relieved", N_("是否减负"), _yes_or_no),
    ("agreed", N_("省级是否同意"), _yes_or_no),
    ("relapses", N_("回潮次数"), _as_it_is),
    ("struck_off_on", N_("原销号日期"), _day),
    ("relapsed_as", N_("另立事项"), _as_it_is),
    ("relapse_of", N_("回潮自"), _as_it_is),
    ("days", N_("销号后天数"), _as_it_is),
    ("unmasked", N_("恢复显示"), _yes_or_no),
    ("holds", N_("是否没有反弹"), _yes_or_no),
    ("round", N_("第几次核实"), _as_it_is),
    ("because", N_("原因"), _reasons),
)
