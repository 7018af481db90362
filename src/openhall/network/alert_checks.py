"""What must hold of alerts: thresholds that rise, one rule a branch and kind, recipients within reach."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Final

from openhall.kernel.words import Words
from openhall.network.alerts import UNITS
from openhall.network.mistakes import Findings, one_of, shown
from openhall.network.reading import Node

if TYPE_CHECKING:
    from openhall.network.checks import Draft

BLANKS: Final = frozenset({"branch", "value", "limit", "level"})
"""What a bank's own message may have blanks for."""
LEVELS: Final = ("yellow", "orange", "red")


def _policy(draft: Draft) -> Node | None:
    node = draft.single.get("alerts")
    return node if isinstance(node, Node) else None


def check_rules(draft: Draft, findings: Findings) -> None:
    """Yellow < orange < red, whole numbers where things are counted, and each branch in one rule a kind."""
    policy = _policy(draft)
    seen: dict[tuple[str | None, str], Node] = {}
    for rule in policy.nodes("rules") if policy else ():
        if not rule.is_sound:
            continue
        _check_thresholds(rule, findings)
        _check_message(rule, findings)
        for branch in rule.texts("branches") or ("",):
            before = seen.setdefault((rule.text("kind"), branch), rule)
            if before is not rule:
                findings.add(
                    "duplicate",
                    rule.place,
                    expected=Words("one rule for each kind and branch"),
                    found=Words(
                        "{value}, also at {place}", value=shown(rule.text("kind")), place=str(before.place)
                    ),
                )


def _check_thresholds(rule: Node, findings: Findings) -> None:
    yellow, orange, red = (rule.values[level] for level in LEVELS)
    if not yellow < orange < red:
        findings.add(
            "wrong_order",
            rule.place,
            expected=Words("yellow below orange below red"),
            found=f"{yellow:g}, {orange:g}, {red:g}",
        )
        rule.is_sound = False
    is_counted = UNITS[rule.values["kind"]] == "count"
    for level in LEVELS:
        if is_counted and not float(rule.values[level]).is_integer():
            findings.add(
                "wrong_type",
                rule.place.key(level),
                expected=Words("a whole number"),
                found=shown(rule.values[level]),
            )


def _check_message(rule: Node, findings: Findings) -> None:
    message = rule.values.get("message")
    if not isinstance(message, Node):
        return
    for language in ("en", "zh"):
        text = message.text(language) or ""
        try:
            blanks = {name for _, name, *_ in Formatter().parse(text) if name is not None}
        except ValueError:
            blanks = {"{"}
        if not blanks <= BLANKS:
            findings.add(
                "bad_format",
                rule.place.key("message").key(language),
                expected=Words("no other blanks than {names}", names=one_of(sorted(BLANKS))),
                found=shown(text),
            )


def check_recipients(draft: Draft, findings: Findings) -> None:
    """Whoever is to be told can be: somebody for the messenger, a mailbox for e-mail; each id once."""
    policy = _policy(draft)
    seen: set[str] = set()
    for each in policy.nodes("recipients") if policy else ():
        if not each.is_sound:
            continue
        name = each.text("id") or ""
        if name in seen:
            findings.add(
                "duplicate",
                each.place.key("id"),
                expected=Words("each id of recipients once"),
                found=shown(name),
            )
        seen.add(name)
        channels = each.texts("channels")
        if not channels:
            findings.add(
                "empty",
                each.place.key("channels"),
                expected=Words("at least one channel"),
                found=Words("an empty list"),
            )
        if "email" in channels and not each.texts("mailboxes"):
            findings.add(
                "missing", each.place.key("mailboxes"), expected=Words("a mailbox"), found=Words("nothing")
            )
        if "staff" in channels and not each.texts("roles") and not each.texts("people"):
            findings.add(
                "missing", each.place.key("roles"), expected=Words("a role or people"), found=Words("nothing")
            )


def check_named(draft: Draft, findings: Findings) -> None:
    """Branches and people that rules and recipients name exist."""
    from openhall.network.checks import Names

    policy = _policy(draft)
    if policy is None:
        return
    branches, people = Names.of(draft.list("branches"), "id"), Names.of(draft.list("people"), "id")
    for node in (*policy.nodes("rules"), *policy.nodes("recipients")):
        branches.check_list(node, "branches", Words("a branch"), findings)
    for node in policy.nodes("recipients"):
        people.check_list(node, "people", Words("somebody on the staff"), findings)


RULES: Final = (check_rules, check_recipients, check_named)
