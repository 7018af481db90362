"""A past for a bank that has none: invented days in its log, as if they had been worked. For the demo."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from openhall.flows.day import day_rules
from openhall.kernel.event import StreamId
from openhall.log.memory import MemoryStore
from openhall.log.store import Store
from openhall.network.model import NetworkVersion
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.invented.run import rehearse_invented

DAYS_LOOKED_BACK = 60
"""Further back no open day is looked for."""


def write_past(
    store: Store, version: NetworkVersion, before: date, days: int, parameters: InventedParameters
) -> int:
    """Write every branch's last `days` open days before a date, all of them invented; how many there are.

    Each day has the parameters with a seed of its own, and is written at once: played in memory first,
    because a sync of the disk for each command is what takes a real day's time.
    """
    written = 0
    for number, branch in enumerate(version.bank.branches):
        found = 0
        for back in range(1, DAYS_LOOKED_BACK + 1):
            day = before - timedelta(days=back)
            rules = day_rules(version, branch.id, day)
            if rules is None or found == days:
                continue
            stream, played = StreamId(branch.id, day), MemoryStore()
            seed = parameters.seed + 1_000 * (number + 1) + back
            rehearse_invented(stream, rules, msgspec.structs.replace(parameters, seed=seed), store=played)
            store.commit(list(played.read(stream=stream)), list(played.outcomes(stream)))
            found += 1
        written += found
    return written
