"""Which passwords are taken: long ones that are not the name and not what everybody chooses.

No rule asks for a capital or a special sign: they make passwords hard to remember and easy to guess.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from openhall.kernel.refusal import Refusal, refusals

REFUSALS = refusals(
    password_too_short=("A password needs at least {length_min} characters.", "Choose a longer one."),
    password_too_long=("A password has at most {length_max} characters.", "Choose a shorter one."),
    password_has_name=("A password must not hold the account's name.", "Choose another one."),
    password_too_common=(
        "Many people have this password, so it is tried first.",
        "Choose several words that belong together for you alone.",
    ),
    password_unchanged=("That is the password you have now.", "Choose another one."),
)

NAME_CHARACTERS_MIN: Final = 4
"""A shorter name is found inside ordinary words."""
DIGITS_ONLY_MIN: Final = 16
"""All digits: a telephone number, a birthday, a card."""

COMMON: Final = frozenset(
    """
    password passw0rd p@ssword p@ssw0rd pass admin administrator welcome letmein iloveyou qwerty qwertyuiop
    asdfghjkl zxcvbnm qazwsx qazwsxedc wsxedc abc abcd abcde abcdef abcdefg abcdefgh abcdefghij monkey dragon
    football baseball sunshine princess superman trustno master shadow michael jordan login secret changeme
    default guest root test testing bank bankbank openhall office summer winter spring autumn china beijing
    shanghai woaini woaiwojia woaizhongguo wojiushi nihao mima wodemima yinhang yinhangmima guanliyuan
    zhongguo laopo laogong aini aiwo asd asdf asdasd qwe qweasd qweasdzxc qq qqqq taobao weixin zaq1xsw2
    1q2w3e4r 1qaz2wsx 1q2w3e4r5t 1qaz2wsx3edc q1w2e3r4 q1w2e3r4t5 a1b2c3d4 a1b2c3d4e5 我爱你 密码 银行 中国
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""The words that most passwords of most leaks are made of, Chinese habits included."""


def refuse_password(password: str, name: str, *, length_min: int, length_max: int) -> Refusal | None:
    """Why a password is not taken; None when it is. Never says the password."""
    if len(password) < length_min:
        return Refusal("password_too_short", place="password", detail={"length_min": length_min})
    if len(password) > length_max:
        return Refusal("password_too_long", place="password", detail={"length_max": length_max})
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(name) >= NAME_CHARACTERS_MIN and name.casefold() in plain:
        return Refusal("password_has_name", place="password")
    return Refusal("password_too_common", place="password") if _is_common(plain) else None


def _is_common(plain: str) -> bool:
    digits = re.sub(r"[\W_]", "", plain)
    if digits.isdigit() and len(digits) < DIGITS_ONLY_MIN:
        return True
    if len(set(plain)) <= 2:
        return True
    # `Woaini1314520!` is `woaini` with the digits that everybody adds; and twice the same is once.
    for core in (plain, re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)):
        half = core[: len(core) // 2]
        if core in COMMON or (half + half == core and half in COMMON):
            return True
    return False
