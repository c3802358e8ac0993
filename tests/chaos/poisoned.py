"""`yilong worker`, but an event whose body holds the word aborts the process, as a defect below Python would.

Leases are short, so that a test need not wait 45 s for each crash.
"""

import os
import sys
from datetime import datetime, timedelta
from functools import partial

from app.deliver import courier
from app.deliver.claim import claim_due
from app.deliver.send import Message, Outcome, Sender

POISON = "毒丸"
LEASE = timedelta(seconds=8)


def main() -> None:
    post = Sender.post

    async def post_or_die(self: Sender, message: Message, now: datetime) -> Outcome:
        if POISON.encode() in message.body:
            os.abort()
        return await post(self, message, now)

    Sender.post = post_or_die  # type: ignore[method-assign]
    setattr(courier, "claim_due", partial(claim_due, lease=LEASE))  # noqa: B010 — the name is theirs, not exported
    sys.argv = ["yilong", "worker"]
    from app.cli import main as yilong

    yilong()


if __name__ == "__main__":
    main()
