"""A past for a bank that has none: invented days, and what the twin learns from them. For the demo."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from openhall.app.learning import learned_from
from openhall.flows.day import day_rules
from openhall.kernel.event import StreamId
from openhall.log.memory import MemoryStore
from openhall.network import version as versions
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.invented.run import rehearse_invented

DAYS_LOOKED_BACK = 60
"""Further back no open day is looked for."""


def habits_of_invented_days(bank: bytes, before: date, days: int, parameters: InventedParameters) -> bytes:
    """What is learned of every branch from its last `days` open days before a date, all of them invented.

    `bank` is the bank as `network.version.encode` writes it. Each day has the parameters with a seed of its
    own. The habits are JSON for `app.learning.keep_worked_out`. Takes some seconds; made for a worker process.
    """
    version = versions.read_version(bank)
    store = MemoryStore()
    for number, branch in enumerate(version.bank.branches):
        found = 0
        for back in range(1, DAYS_LOOKED_BACK + 1):
            day = before - timedelta(days=back)
            rules = day_rules(version, branch.id, day)
            if rules is None:
                continue
            seed = parameters.seed + 1_000 * (number + 1) + back
            own = msgspec.structs.replace(parameters, seed=seed)
            rehearse_invented(StreamId(branch.id, day), rules, own, store=store)
            found += 1
            if found == days:
                break
    return msgspec.json.encode(learned_from(store, version.bank))
