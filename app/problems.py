"""What can go wrong, as RFC 9457 problems. Specific errors stand beside the code that raises them.

Messages exist in Chinese and English, say what is wrong and what to do, and never repeat what was sent.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:yilong:problem:"


class AppError(Exception):
    """An error that a caller can act on.

    Args:
        zh, en: what is wrong and what to do, in both languages.
        errors: one entry for each offending field, `{"field", "zh", "en"}`.
        headers: HTTP headers to answer with, such as `Retry-After`.
        extra: further members of the problem, JSON values only.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title_zh: ClassVar[str] = "请求有误"
    title_en: ClassVar[str] = "Bad request"

    def __init__(
        self,
        zh: str = "",
        en: str = "",
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(zh or self.title_zh)
        self.zh, self.en = zh or self.title_zh, en or self.title_en
        self.errors, self.headers, self.extra = errors, dict(headers or {}), extra

    def to_problem(self, language: str = "zh") -> dict[str, Any]:
        """The problem document in the reader's language."""
        english = language == "en"
        problem: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.title_en if english else self.title_zh,
            "status": self.status,
            "code": self.code,
            "detail": self.en if english else self.zh,
        }
        if self.errors:
            problem["errors"] = [{"field": e["field"], "message": e["en"] if english else e["zh"]} for e in self.errors]
        return problem | self.extra


class InvalidInput(AppError):
    status, code = 422, "invalid_input"
    title_zh, title_en = "提交的内容不符合要求", "The content does not meet the requirements"


class MalformedJson(InvalidInput):
    code = "malformed_json"
    title_zh, title_en = "不是有效的 JSON", "Not valid JSON"


class NotAuthenticated(AppError):
    status, code = 401, "not_authenticated"
    title_zh, title_en = "未登录或密钥无效", "Not signed in, or the key is not valid"

    def __init__(self) -> None:
        super().__init__(
            "请在 Authorization 请求头中提供有效密钥(Bearer)，或先登录。",
            "Send a valid key in the Authorization header (Bearer), or sign in.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class NotAllowed(AppError):
    status, code = 403, "not_allowed"
    title_zh, title_en = "没有权限", "Not allowed"


class NotFound(AppError):
    status, code = 404, "not_found"
    title_zh, title_en = "没有找到", "Not found"

    def __init__(self) -> None:
        super().__init__(
            "没有这一项，或不在您的权限范围内。请核对编号。",
            "There is no such item, or it is not yours. Check the number.",
        )


class Conflict(AppError):
    status, code = 409, "conflict"
    title_zh, title_en = "与当前状态冲突", "Conflicts with the current state"


class Unavailable(AppError):
    status, code = 503, "unavailable"
    title_zh, title_en = "服务暂时不可用", "Temporarily unavailable"

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__(
            "数据库暂时不可用，已提交的内容不会丢失。请稍后重试。",
            "The database is unavailable for the moment; nothing acknowledged is lost. Try again shortly.",
            headers={"Retry-After": str(retry_after)},
        )


class StorageFull(AppError):
    status, code = 507, "storage_full"
    title_zh, title_en = "存储空间已满", "Storage is full"
