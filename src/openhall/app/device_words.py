"""What is said about the state of a device, and what somebody can do about it."""

from __future__ import annotations

from typing import Final

from openhall.kernel.refusal import RefusalText, refusals

STATES: Final[dict[str, RefusalText]] = refusals(
    ok=("Works.", "Nothing needs to be done."),
    starting=("Is starting: nothing has been heard from it yet.", "Wait a moment."),
    not_paired=("Is not paired yet.", "Show a code, open /pair on the device, and type the code there."),
    code_waiting=("Waits for its code.", "Open /pair on the device and type the code within 15 minutes."),
    silent=(
        "Nothing is heard from it.",
        "See that it is switched on, connected to the network, and that its page is open.",
    ),
    behind=("Is behind: it shows an old state of the hall.", "Load its page again; if it stays, restart it."),
    old_rules=(
        "Is behind: it has not asked for a while what is to be checked.",
        "Restart it; if it stays, its maker has to look: it works by old rules.",
    ),
    clock_wrong=(
        "Is behind or ahead: its clock is wrong.",
        "Restart it; if it stays, its maker has to have it take the time from the server's answers.",
    ),
    passes_kept=(
        "Is behind: it holds passes that it could not send yet.",
        "They count as soon as they come. If it stays, see its connection.",
    ),
    sound_blocked=(
        "Its browser lets no sound through.",
        "Start it with --autoplay-policy=no-user-gesture-required, or touch its screen once.",
    ),
    sound_missing=(
        "It has no voice, and the server has none either.",
        "Install espeak-ng on the server, or a voice on the device.",
    ),
    quiet=("Works; it keeps silent at this hour.", "Nothing needs to be done."),
    unknown=("The printer has not been asked yet.", "Wait a moment."),
    paper_low=("The paper is running out.", "Put a new roll beside it."),
    paper_out=("There is no paper.", "Put in a new roll. Numbers are valid without paper."),
    cover_open=("The cover is open.", "Close the cover."),
    printer_error=("The printer reports a fault.", "Switch it off and on; look for jammed paper."),
    offline=("The printer is off line.", "Press its button for feed or on-line."),
    unreachable=(
        "The printer does not answer.",
        "See that it is switched on and its cable plugged in; then check its address.",
    ),
    status_silent=(
        "The printer takes bytes and says nothing about itself.",
        "If this model never tells its state, switch that off in its settings; else restart it.",
    ),
    font_missing=(
        "The server has no font with Chinese characters to draw tickets with.",
        "Install fonts-noto-cjk on the server, or name a font under [devices] in openhall.toml.",
    ),
    not_used=("No ticket machine and no lobby prints here.", "Choose in its settings who prints here."),
)
"""By the code of a device's health."""

DOWN: Final[frozenset[str]] = frozenset(
    {
        "silent",
        "behind",
        "old_rules",
        "clock_wrong",
        "paper_out",
        "cover_open",
        "printer_error",
        "offline",
        "unreachable",
        "font_missing",
    }
)
"""It does not do its work, and somebody should look."""
WARNED: Final[frozenset[str]] = frozenset(
    {"sound_blocked", "sound_missing", "paper_low", "status_silent", "passes_kept"}
)
"""It works, but not as it should."""
