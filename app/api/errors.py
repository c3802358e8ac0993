"""The one renderer of problems: our own errors, validation errors, and what the framework raises."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.log import get_logger
from app.problems import MEDIA_TYPE, TYPE_PREFIX, AppError, InvalidInput

# What a validation error of that type says, in both languages; `{…}` is filled from the rule's own limits only.
MESSAGES = {
    "missing": ("缺少这一项", "is missing"),
    "extra_forbidden": ("没有这一项，请核对名称", "is not known; check its name"),
    "string_type": ("应为文字", "must be text"),
    "string_too_short": ("至少 {min_length} 个字符", "needs at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "may have at most {max_length} characters"),
    "string_pattern_mismatch": ("格式不正确", "has the wrong format"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "float_type": ("应为数字", "must be a number"),
    "float_parsing": ("应为数字", "must be a number"),
    "greater_than_equal": ("不得小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "must be at most {le}"),
    "date_type": ("应为日期，如 2026-11-23", "must be a date such as 2026-11-23"),
    "date_from_datetime_parsing": ("应为日期，如 2026-11-23", "must be a date such as 2026-11-23"),
    "date_parsing": ("应为日期，如 2026-11-23", "must be a date such as 2026-11-23"),
    "datetime_type": ("应为带时区的时间", "must be a time with its offset"),
    "datetime_parsing": ("应为带时区的时间", "must be a time with its offset"),
    "datetime_from_date_parsing": ("应为带时区的时间", "must be a time with its offset"),
    "timezone_aware": ("应为带时区的时间", "must be a time with its offset"),
    "enum": ("只能是 {expected}", "must be {expected}"),
    "literal_error": ("只能是 {expected}", "must be {expected}"),
    "list_type": ("应为列表", "must be a list"),
    "dict_type": ("应为对象", "must be an object"),
    "model_type": ("应为对象", "must be an object"),
    "model_attributes_type": ("应为对象", "must be an object"),
    "too_short": ("至少 {min_length} 项", "needs at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "may have at most {max_length} items"),
}
# What a request is logged with whose sender went away before it was read: nobody gets an answer.
SENDER_GONE = 499
OTHERWISE = ("格式不正确", "is not valid")


def language_of(request: Request) -> str:
    """`en` where the caller prefers English, else Chinese."""
    cookie = request.cookies.get("yilong_language")
    if cookie in {"zh", "en"}:
        return cookie
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh"


def to_response(request: Request, error: AppError) -> JSONResponse:
    problem = error.to_problem(language_of(request)) | {"instance": request.url.path}
    return JSONResponse(problem, error.status, headers=error.headers, media_type=MEDIA_TYPE)


def from_validation(error: RequestValidationError | ValidationError) -> InvalidInput:
    """Which fields are wrong and what each needs; never what was sent."""
    entries = []
    for fault in error.errors()[:50]:
        zh, en = MESSAGES.get(fault["type"], OTHERWISE)
        limits = {k: v for k, v in (fault.get("ctx") or {}).items() if isinstance(v, int | float | str)}
        place = [str(p) for p in fault["loc"] if p not in {"body", "query", "path", "header"}]
        try:
            zh, en = zh.format(**limits), en.format(**limits)
        except KeyError:
            zh, en = OTHERWISE
        entries.append({"field": ".".join(place) or "body", "zh": zh, "en": en})
    names = "、".join(dict.fromkeys(e["field"] for e in entries))[:200]
    return InvalidInput(f"请修改：{names}。", f"Correct: {names}.", errors=entries)


def from_http_exception(error: HTTPException) -> tuple[int, dict[str, Any]]:
    phrase = HTTPStatus(error.status_code).phrase
    return error.status_code, {
        "type": TYPE_PREFIX + phrase.lower().replace(" ", "_"),
        "title": phrase,
        "status": error.status_code,
        "code": phrase.lower().replace(" ", "_"),
        "detail": {404: "没有这个地址。No such address.", 405: "该地址不支持这种请求方法。Method not allowed."}.get(
            error.status_code, phrase
        ),
    }


def add_error_handlers(application: FastAPI) -> None:
    """Make every error of the application a problem document."""

    @application.exception_handler(AppError)
    async def on_app_error(request: Request, error: AppError) -> JSONResponse:
        return to_response(request, error)

    @application.exception_handler(RequestValidationError)
    async def on_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        return to_response(request, from_validation(error))

    @application.exception_handler(HTTPException)
    async def on_http_exception(request: Request, error: HTTPException) -> JSONResponse:
        status, problem = from_http_exception(error)
        headers = getattr(error, "headers", None)
        return JSONResponse(problem, status, headers=headers, media_type=MEDIA_TYPE)

    @application.exception_handler(ClientDisconnect)
    async def on_departure(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=SENDER_GONE)

    @application.exception_handler(Exception)
    async def on_defect(request: Request, error: Exception) -> JSONResponse:
        get_logger().error("defect", exc_info=error, method=request.method, path=request.scope.get("path"))
        defect = AppError(
            "服务内部出错，已记录。请稍后重试。", "Something went wrong here; it was logged. Try again later."
        )
        problem = defect.to_problem(language_of(request))
        problem |= {"status": 500, "code": "defect", "type": TYPE_PREFIX + "defect", "title": "服务内部出错"}
        return JSONResponse(problem, 500, media_type=MEDIA_TYPE)
