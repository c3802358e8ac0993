"""Why a file is not taken, for whoever sends it: what is wrong with it and what to do."""

from app.problems import AppError, InvalidInput


class FileTypeRefused(AppError):
    status, code = 415, "file_type_refused"
    title_zh, title_en = "不接受这种文件", "This kind of file is not taken"

    def __init__(self) -> None:
        super().__init__(
            "只接受 PDF、PNG、JPEG、WebP、DOCX、XLSX、OFD 文件，以文件内容为准，不含宏和脚本。请转换格式后再上传。",
            "PDF, PNG, JPEG, WebP, DOCX, XLSX and OFD are taken, judged by content, without macros and scripts. "
            "Convert the file, then send it again.",
        )


class FileEmpty(InvalidInput):
    code = "file_empty"
    title_zh, title_en = "文件为空", "The file is empty"

    def __init__(self) -> None:
        super().__init__("上传的文件没有内容。请重新选择文件。", "The file has no content. Choose it again.")


class FileTooLarge(AppError):
    status, code = 413, "file_too_large"
    title_zh, title_en = "文件过大", "The file is too large"

    def __init__(self, limit: int) -> None:
        megabytes = limit / 1024 / 1024
        super().__init__(
            f"单个文件不得超过 {megabytes:g} MB。请压缩或拆分后再上传。",
            f"One file may hold {megabytes:g} MB at most. Compress or split it.",
            limit=limit,
        )


class FileDamaged(InvalidInput):
    code = "file_damaged"
    title_zh, title_en = "文件不完整", "The file is not whole"

    def __init__(self) -> None:
        super().__init__(
            "文件不完整、已损坏，或夹带了其他内容。请用原来的软件打开，另存后再上传。",
            "The file is cut off, damaged or carries something else along. Open it, save it anew, then send it again.",
        )


class FileLocked(InvalidInput):
    code = "file_locked"
    title_zh, title_en = "文件有密码", "The file is locked"

    def __init__(self) -> None:
        super().__init__(
            "文件已加密或设有密码，审核人员无法查阅。请去掉密码后再上传。",
            "The file is encrypted or has a password, so the office cannot read it. Remove that, then send it again.",
        )


class FileUnfolds(InvalidInput):
    code = "file_unfolds"
    title_zh, title_en = "文件展开后过大", "The file unfolds beyond measure"

    def __init__(self) -> None:
        super().__init__(
            "文件打开后的尺寸过大，会拖垮查阅者的电脑。请缩小图片或拆分文档后再上传。",
            "Opened, the file would take more than a reader's computer has. Shrink or split it, then send it again.",
        )
