"""What a change of the configuration does, in the words of the hall.

Every difference is said: by a rule that knows what it means for people, else as a value that is another.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from openhall.kernel.words import Words
from openhall.network import effect_rules, schema
from openhall.network.comparing import ORDER, WHOLE, Difference, differences, named
from openhall.network.effect import EACH, TOGETHER, Both, Effect, Pattern, is_at
from openhall.network.labels import label, name_of, value_words
from openhall.network.model import Bank


def effects(before: Bank, after: Bank) -> list[Effect]:
    """Everything that the change does: what it takes away first, then in the order of the model."""
    both, found = Both.of(before, after), differences(before, after)
    result: list[Effect] = []
    gathered: dict[Pattern, list[Difference]] = defaultdict(list)
    for d in found:
        if rule := next((EACH[pattern] for pattern in EACH if is_at(d, pattern)), None):
            result += rule(both, d)
        elif pattern := next((pattern for pattern in TOGETHER if is_at(d, pattern)), None):
            gathered[pattern].append(d)
        else:
            result.append(_plain(both, d))
    for pattern, alike in gathered.items():
        result += TOGETHER[pattern](both, alike)
    result += effect_rules.windows_staffed(both, found)
    order = {key: index for index, key in enumerate(Bank.__struct_fields__)}
    return sorted(result, key=lambda e: (not e.is_warning, order.get(e.key, 0), e.branches))


def _plain(both: Both, d: Difference) -> Effect:
    """A difference that no rule knows, as a value that is another."""
    branches = (d.path[1],) if d.key == "branches" and len(d.path) > 1 and d.path[1] != ORDER else ()
    what = _what(both, d)
    if d.path[-1] == ORDER:
        words = Words("{what}: in another order: {after}.", what=what, after=_order_names(both, d))
        return Effect(d.key, words, branches, is_warning=d.key == "classes")
    key, value = _key_at(d.path), d.before if d.after is None else d.after
    if isinstance(value, msgspec.Struct) and not isinstance(value, WHOLE):
        name = name_of(value) or d.path[-1]
        words = (
            Words("{what}: {name} is new.", what=what, name=name)
            if d.is_added
            else Words("{what}: {name} is taken out.", what=what, name=name)
        )
        return Effect(d.key, words, branches, is_warning=d.is_removed)
    words = Words(
        "{what}: {after} instead of {before}.",
        what=what,
        after=value_words(key, d.after, both.names),
        before=value_words(key, d.before, both.names),
    )
    return Effect(d.key, words, branches)


def _order_names(both: Both, d: Difference) -> tuple[Any, ...]:
    """What the items of a list are called, in their new order."""
    found: Any = both.after
    for step in d.path[:-1]:
        found = _below(found, step)
    items = named(found)
    return tuple(name_of(items[each]) or each for each in d.after)


def _what(both: Both, d: Difference) -> Any:
    """Where something stands, in words: the keys' labels, and the names of the items on the way."""
    found: Any = None
    before: Any = both.before
    after: Any = both.after
    value = d.before if d.after is None else d.after
    is_whole_item = isinstance(value, msgspec.Struct) and not isinstance(value, WHOLE)
    way = d.path[:-1] if is_whole_item or d.path[-1] == ORDER else d.path
    key = ""
    for step in way:
        is_item = isinstance(before, tuple) or isinstance(after, tuple)
        before, after = _below(before, step), _below(after, step)
        if is_item:
            named_item: Any = name_of(before if after is None else after)
            part = named_item or both.names.get(key, {}).get(step, step)
        else:
            part, key = Words(label(step)), step
        found = part if found is None else Words("{outer} › {inner}", outer=found, inner=part)
    return found


def _below(value: Any, step: str) -> Any:
    return named(value).get(step) if isinstance(value, tuple) else getattr(value, step, None)


def _key_at(path: tuple[str, ...]) -> schema.Key | None:
    """The key of the last step: steps that name an item are passed over."""
    table: type[msgspec.Struct] | None = Bank
    key: schema.Key | None = None
    is_item = False
    for step in path:
        if is_item:
            is_item = False
            continue
        if table is None:
            return None
        key = next((k for k in schema.keys_of(table) if k.name == step), None)
        if key is None:
            return None
        table, is_item = key.table, key.is_list and key.table is not None
    return key
