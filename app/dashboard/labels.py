"""What the pages call the states, roles, events and evidence of the stream. Messages of the catalogue, no rules."""

from collections.abc import Mapping
from typing import Final

from app.dashboard.language import N_

Labels = Mapping[str, str]

CASE_STATUS: Final[Labels] = {
    "triage": N_("待分办"),
    "dispatched": N_("待签收"),
    "in_progress": N_("办理中"),
    "awaiting_province": N_("待省级答复"),
    "consulting": N_("会商中"),
    "in_review": N_("待审核"),
    "verifying": N_("待核实"),
    "unresolved": N_("挂账待解"),
    "closed": N_("已销号"),
}
CASE_TONES: Final[Labels] = {
    "triage": "warning",
    "dispatched": "info",
    "in_progress": "info",
    "awaiting_province": "info",
    "consulting": "warning",
    "in_review": "warning",
    "verifying": "neutral",
    "unresolved": "warning",
    "closed": "success",
}
OUTCOME: Final[Labels] = {
    "relieved": N_("已减负"),
    "unresolved": N_("未能解决"),
    "not_a_burden": N_("不属受理范围"),
    "answered": N_("已答复"),
    "merged": N_("已并入"),
}
CATEGORY: Final[Labels] = {
    "provincial": N_("省级事项"),
    "municipal_district": N_("市县事项"),
    "multi_department": N_("多部门事项"),
    "unclear": N_("待研判"),
}
CATEGORY_HINT: Final[Labels] = {
    "provincial": N_("由对口市直部门上报"),
    "municipal_district": N_("直接交办"),
    "multi_department": N_("提请会商，至少两个部门"),
}
UNCLEAR_REASON: Final[Labels] = {
    "no_department": N_("文中看不出是哪个部门"),
    "tier_unknown": N_("只说到条线，看不出层级"),
    "non_department_source": N_("来源不是部门"),
    "township_source": N_("来源是本镇街"),
    "conflict_of_interest": N_("来源是统筹部门自身，须回避"),
    "out_of_scope": N_("不属于基层负担"),
    "low_confidence": N_("把握不足，不作猜测"),
}
PARTY: Final[Labels] = {
    "office": N_("统筹部门"),
    "department": N_("责任单位"),
    "observation_point": N_("观测点"),
}
DUTY_KIND: Final[Labels] = {"assignment": N_("交办"), "escalation": N_("上报")}
DUTY_ROLE: Final[Labels] = {"lead": N_("牵头"), "supporting": N_("协办")}
DUTY_STATUS: Final[Labels] = {
    "dispatched": N_("待签收"),
    "accepted": N_("办理中"),
    "forwarded": N_("已上报省级"),
    "responded": N_("已反馈，待审核"),
    "reworking": N_("重办中"),
    "approved": N_("审核通过"),
    "unresolved": N_("未能解决，已认可"),
    "returned": N_("已退回"),
    "superseded": N_("已收回"),
    "closed": N_("已办结"),
}
DUTY_TONES: Final[Labels] = {
    "dispatched": "info",
    "accepted": "info",
    "forwarded": "info",
    "responded": "warning",
    "reworking": "info",
    "approved": "success",
    "unresolved": "warning",
    "returned": "danger",
    "superseded": "neutral",
    "closed": "success",
}
DEADLINE_KIND: Final[Labels] = {
    "triage": N_("分办时限"),
    "acceptance": N_("签收时限"),
    "feedback": N_("反馈时限"),
    "forwarding": N_("上报时限"),
    "chase": N_("催办时限"),
    "review": N_("审核时限"),
    "verification": N_("核实时限"),
    "consultation": N_("会商时限"),
    "revisit": N_("再议时限"),
    "pause": N_("暂停期限"),
}
URGENCY: Final[Labels] = {"normal": N_("常规办理"), "urgent": N_("紧急")}
BLOCKER: Final[Labels] = {
    "awaiting_information": N_("等待补充情况"),
    "awaiting_province": N_("等待省级答复"),
    "awaiting_other": N_("其他客观原因"),
}
VERIFICATION: Final[Labels] = {
    "not_asked": N_("尚未核实"),
    "asked": N_("已请观测点核实"),
    "relieved": N_("观测点确认已减负"),
    "not_relieved": N_("观测点反映尚未减负"),
    "lapsed": N_("逾期未答复核实"),
}
RETURN_REASON: Final[Labels] = {
    "not_our_duty": N_("非本部门职责"),
    "insufficient_facts": N_("情况不具体"),
    "duplicate": N_("重复交办"),
}
EXTENSION: Final[Labels] = {
    "requested": N_("申请延期，待审批"),
    "granted": N_("已同意延期"),
    "refused": N_("未同意延期"),
    "lapsed": N_("延期申请已失效"),
}
EXTENSION_TONES: Final[Labels] = {
    "requested": "warning",
    "granted": "info",
    "refused": "neutral",
    "lapsed": "neutral",
}
DECIDED: Final[Labels] = {
    "meeting": N_("约谈部门负责人"),
    "extension": N_("再延期一次"),
    "ruling": N_("重新裁定"),
    "closing": N_("予以办结"),
    "other": N_("其他"),
}
DOCUMENT_KIND: Final[Labels] = {
    "assignment": N_("交办单"),
    "escalation": N_("转办单"),
    "supervision": N_("督办单"),
    "invitation": N_("会商通知"),
    "minutes": N_("会商纪要"),
}
PROMISE_STATE: Final[Labels] = {
    "open": N_("待兑现"),
    "kept": N_("已兑现"),
    "broken": N_("未兑现"),
    "lapsed": N_("不再适用"),
}
SUPERVISION_LEVEL: Final[Labels] = {"1": N_("一级"), "2": N_("二级"), "3": N_("三级")}
POSITION: Final[Labels] = {"lead": N_("愿意牵头"), "supporting": N_("愿意协办"), "not_concerned": N_("不涉及本部门")}
INVITATION_ANSWER: Final[Labels] = {
    "accepted": N_("参会"),
    "deputy": N_("委托代表参会"),
    "declined": N_("不参会"),
}
INVITATION_TONES: Final[Labels] = {"accepted": "success", "deputy": "info", "declined": "danger"}
ATTENDANCE: Final[Labels] = {"present": N_("出席"), "deputy": N_("代表出席"), "absent": N_("缺席")}
MANNER: Final[Labels] = {"agreed": N_("达成一致"), "ruled": N_("未达成一致，由统筹部门裁定")}
AGENDA_OUTCOME: Final[Labels] = {
    "concluded": N_("已形成结论"),
    "moved": N_("已并入其他会商"),
    "withdrawn": N_("已撤出议程"),
    "settled": N_("已另行办理"),
}
PART: Final[Labels] = {"lead": N_("牵头"), "supporting": N_("协办"), "not_concerned": N_("不涉及")}
PRECEDENT_STATE: Final[Labels] = {
    "in_force": N_("有效"),
    "standing": N_("常规裁定"),
    "withdrawn": N_("已撤销"),
}
CONSULTATION_STATUS: Final[Labels] = {
    "convened": N_("待形成结论"),
    "scheduled": N_("已定会期"),
    "concluded": N_("已形成结论"),
    "cancelled": N_("已取消"),
}
CONSULTATION_TONES: Final[Labels] = {
    "convened": "warning",
    "scheduled": "info",
    "concluded": "success",
    "cancelled": "neutral",
}
DELIVERY_STATUS: Final[Labels] = {
    "pending": N_("待送达"),
    "delivered": N_("已送达"),
    "dead": N_("未送达，已停止"),
    "quarantined": N_("异常，已隔离"),
    "outdated": N_("过期，不再发送"),
}
CHANNEL: Final[Labels] = {
    "webhook": N_("系统推送"),
    "email": N_("电子邮件"),
    "wecom": N_("企业微信群"),
    "dingtalk": N_("钉钉群"),
    "feishu": N_("飞书群"),
    "sms": N_("短信"),
}
# Why an attempt did not deliver, by `deliver.send.Fault`.
FAULT: Final[Labels] = {
    "timeout": N_("超时未应答"),
    "cannot connect": N_("无法连接"),
    "name not resolved": N_("主机名无法解析"),
    "certificate or TLS error": N_("证书或加密连接有误"),
    "address not allowed": N_("地址不在允许的网络内"),
    "connection broke or answer is not HTTP": N_("连接中断或应答无法识别"),
    "redirect, not followed": N_("要求跳转，未跟随"),
    "gone (410)": N_("对方称地址已停用（410）"),
    "answered with an error": N_("对方答以错误"),
    "stored secret cannot be opened": N_("保存的密钥无法解开"),
    "content was erased": N_("内容已清除"),
    "internal error": N_("本系统内部错误"),
    "declined, see the answer": N_("对方拒收，见其回答"),
    "too many messages for the receiver": N_("对方限流"),
    "answer is not the vendor's": N_("不是该平台的回答，请核对地址"),
    "login refused": N_("邮件服务器拒绝登录"),
    "server offers no TLS": N_("邮件服务器不支持加密"),
    "no mail server is set up": N_("本系统没有配置邮件服务器"),
}
DELIVERY_TONES: Final[Labels] = {
    "pending": "info",
    "delivered": "success",
    "dead": "danger",
    "quarantined": "danger",
    "outdated": "warning",
}
STANDING: Final[Labels] = {
    "inactive": N_("已停用"),
    "unconfirmed": N_("待验证"),
    "resting": N_("无应答，暂缓推送"),
    "probing": N_("试探恢复中"),
    "failing": N_("推送中断"),
    "well": N_("正常"),
}
STANDING_TONES: Final[Labels] = {
    "inactive": "warning",
    "unconfirmed": "info",
    "resting": "danger",
    "probing": "warning",
    "failing": "danger",
    "well": "success",
}
CHECK_KIND: Final[Labels] = {"challenge": N_("验证"), "test": N_("测试")}
KEY_VERSION: Final[Labels] = {
    "v1": N_("共享密钥（v1，HMAC-SHA256）"),
    "v1a": N_("密钥对（v1a，ed25519）"),
}
CHECK_STATUS: Final[Labels] = {
    "pending": N_("待应答"),
    "answered": N_("已应答"),
    "failed": N_("未通过"),
}
CHECK_TONES: Final[Labels] = {"pending": "info", "answered": "success", "failed": "danger"}
REPLAY: Final[Labels] = {
    "failed": N_("未送达而已停止的"),
    "missing": N_("从未推送过的（登记前、停用期间）"),
}
LOOK_BACK: Final[Labels] = {
    "planned": N_("待回头看"),
    "asked": N_("已问，待答复"),
    "holds": N_("没有反弹"),
    "relapsed": N_("已经反弹"),
    "no_answer": N_("未答复"),
    "withdrawn": N_("已撤销"),
}
LOOK_BACK_TONES: Final[Labels] = {
    "planned": "neutral",
    "asked": "info",
    "holds": "success",
    "relapsed": "danger",
    "no_answer": "neutral",
    "withdrawn": "neutral",
}
REPLY_KIND: Final[Labels] = {
    "interim": N_("阶段性答复"),
    "unresolved": N_("未能解决的说明"),
    "final": N_("办结答复"),
}
# Why a burden stays, a duty was ended or a seat at a session was taken back.
BECAUSE: Final[Labels] = {
    "cancelled": N_("会商取消"),
    "withdrawn": N_("事项撤出议程"),
    "uninvited": N_("不再邀请该部门"),
    "settled": N_("已另行办理"),
    "upstream_rule": N_("上级规定"),
    "law_requires": N_("法律法规规定"),
    "needs_province": N_("需省级解决"),
    "needs_funds": N_("需落实经费"),
    "other": N_("其他原因"),
    "retention": N_("保管期满"),
    "province_refused": N_("省级未同意"),
    "superseded": N_("由新的决定代替"),
    "unresolved_accepted": N_("未能解决，已认可"),
    "case_unresolved": N_("事项转挂账待解"),
    "put_back": N_("重新挂账"),
    "relapsed": N_("回潮"),
    "calendar_announced": N_("放假安排已公布"),
}
OPINION_STATE: Final[Labels] = {
    "asked": N_("已询问，尚无回答"),
    "answered": N_("已有建议"),
    "dropped": N_("回答不可用，未采用"),
    "failed": N_("未能取得"),
}
OPINION_FAULT: Final[Labels] = {
    "timeout": N_("模型没有及时回答"),
    "unreachable": N_("连不上模型服务"),
    "address_refused": N_("模型服务的地址不在允许的网络内"),
    "error_status": N_("模型服务回答出错"),
    "worker_lost": N_("询问中断"),
    "defect": N_("系统内部出错"),
    "not_json": N_("回答不是规定的格式"),
    "malformed": N_("回答缺少规定的内容"),
    "too_long": N_("回答过长"),
    "unknown_department": N_("所答单位不在给出的范围内"),
    "not_in_text": N_("所引文字不在原文中"),
    "names_nobody": N_("模型也看不出是哪个单位"),
    "left_triage": N_("答复前已分办"),
}
STAGES: Final[tuple[tuple[str, str], ...]] = (
    ("intake", N_("受理")),
    ("triage", N_("分办")),
    ("consult", N_("会商")),
    ("handle", N_("办理")),
    ("review", N_("审核")),
    ("verify", N_("核实")),
    ("close", N_("销号")),
)
LIKENESS: Final[Labels] = {
    "document": N_("同一文件"),
    "system": N_("同一系统"),
    "source": N_("同一来源"),
    "burden_type": N_("同一负担类型"),
    "words": N_("文字相似度"),
}
EVIDENCE: Final[Labels] = {
    "full-name": N_("单位全称"),
    "short-name": N_("单位简称"),
    "line-name": N_("条线称呼"),
    "adhoc-name": N_("议事协调机构"),
    "inherent-name": N_("固有称呼"),
    "old-name": N_("单位旧称"),
    "outpost-name": N_("派驻机构"),
    "central-name": N_("中央部委"),
    "document-number": N_("发文字号"),
    "tier-word": N_("层级用语"),
    "system": N_("信息系统"),
    "township": N_("镇街"),
    "outside": N_("非部门来源"),
    "declared": N_("反映人勾选"),
    "scope-praise": N_("表扬用语"),
    "weights": N_("用词分量"),
    "learned": N_("以往裁定"),
    "precedent": N_("先例"),
}
EVIDENCE_PATTERN: Final = N_("句式")
# What a piece of evidence speaks for; the first word of `supports`.
SUPPORTS: Final[Labels] = {
    "source": N_("来源"),
    "imposes": N_("提出要求"),
    "adds": N_("层层加码"),
    "disputes": N_("互相推诿"),
    "forwards": N_("只是转发"),
    "suffers": N_("同样受累"),
    "helps": N_("帮忙"),
    "holds": N_("只是掌握数据"),
    "channel": N_("正当渠道"),
    "suggested": N_("被建议出面"),
    "praised": N_("被表扬"),
    "place": N_("只是地点"),
    "denied": N_("被排除"),
    "ended": N_("已取消"),
    "cited": N_("被引为规定"),
    "addressee": N_("反映对象"),
    "baseline": N_("作为对照"),
    "named": N_("只是提到"),
    "refuses": N_("推给别家"),
    "line": N_("事属"),
    "precedent": N_("先例"),
}
SUBJECT: Final[Labels] = {
    "township": N_("镇街"),
    "non-department": N_("非部门"),
    "province": N_("省级"),
    "municipal": N_("市级"),
    "district": N_("区县级"),
    "unknown": N_("层级不明"),
}
