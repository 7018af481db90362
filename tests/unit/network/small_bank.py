"""The smallest bank that passes, as text to break in one place at a time."""

BANK = """\
name = { en = "Small Bank", zh = "小银行" }
currency = "CNY"

[[classes]]
code = "ordinary"
name = { en = "Ordinary", zh = "普通" }

[[classes]]
code = "green"
name = { en = "Green channel", zh = "绿色通道" }
head_start_minutes = 20
needs_confirmation = true

[[services]]
id = "cash"
letter = "A"
name = { en = "Cash", zh = "现金" }
mean_minutes = 5
needs = [{ code = "withdraw_cash", name = { en = "Withdraw cash", zh = "取现金" } }]

[[services]]
id = "accounts"
letter = "B"
name = { en = "Accounts", zh = "账户" }
mean_minutes = 9.5
needs = [{ code = "open_account", name = { en = "Open an account", zh = "开户" } }]

[[triage]]
id = "atm"
needs = ["withdraw_cash"]
channel = "atm"
says = { en = "The machine can do it.", zh = "自助机可以办理。" }
amount_at_most_minor = 2_000_000

[[regimes]]
id = "normal"
name = { en = "Normal", zh = "正常" }
entry = { is_check_required = false }

[[regimes]]
id = "prevention"
name = { en = "Prevention", zh = "防控" }
entry = { is_check_required = true, is_temperature_read = true }

[[periods]]
regime = "prevention"
first = 2027-01-18
last = 2027-03-31

[[periods]]
regime = "normal"
first = 2027-02-01
last = 2027-02-07
branches = ["north"]
"""

BRANCHES = """\
[[branches]]
id = "north"
name = { en = "North", zh = "北区支行" }
address = { en = "1 North Street", zh = "北街1号" }
timezone = "Asia/Shanghai"
week = "mon-fri 09:00-17:00; sat 09:30-12:00"
counters = [
    { id = "C1", number = 1, services = ["cash", "accounts"] },
    { id = "C2", number = 2, services = ["cash"], classes = ["green"], is_elastic = true },
]
exceptions = [{ date = 2027-01-01, reason = { en = "New Year", zh = "元旦" } }]
"""

PEOPLE = """\
id,name,branch,skills,posts
mei,Mei,north,cash accounts,teller
lan,Lan,north,,lobby manager
"""

FILES = {
    "bank.toml": BANK.encode(),
    "branches.toml": BRANCHES.encode(),
    "people.csv": PEOPLE.encode(),
}


def changed(file: str, old: str, new: str) -> dict[str, bytes]:
    """The files with the first occurrence of a text replaced; the text must be there."""
    text = FILES[file].decode()
    assert old in text, f"{old!r} is not in {file}"
    return {**FILES, file: text.replace(old, new, 1).encode()}
