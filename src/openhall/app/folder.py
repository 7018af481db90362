"""The folder that holds one installation: the bank's files, the database, the key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from openhall.kernel.trouble import Trouble
from openhall.log.keys import create_key_file
from openhall.network.loading import Mistake, load
from openhall.network.model import Bank


class FolderMissing(Trouble):
    """There is no installation where one was expected."""

    code = "folder_missing"
    remedy = "Run `openhall init FOLDER` first, or name the folder with --folder."


class FolderInUse(Trouble):
    """`init` found something in its way."""

    code = "folder_in_use"
    remedy = "Choose another folder: `init` never writes over an installation."


class ConfigurationInvalid(Trouble):
    """The bank's files have mistakes; `mistakes` lists every one."""

    code = "configuration_invalid"
    remedy = "Mend the listed places; nothing of the new configuration was taken."

    def __init__(self, mistakes: list[Mistake], *, place: str) -> None:
        super().__init__("\n".join(str(m) for m in mistakes), place=place)
        self.mistakes = mistakes


class Folder:
    """Where things are in an installation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bank = path / "bank"
        self.database = path / "openhall.db"
        self.key = path / "openhall.key"
        self.runs = path / "rehearsals"
        self.speech = path / "speech"

    def require(self) -> None:
        """Raise `FolderMissing` unless this is an installation."""
        if not self.bank.is_dir() or not self.key.is_file():
            raise FolderMissing(f"{self.path} is no openhall installation", place=str(self.path))

    def create(self, bank_files: Mapping[str, bytes]) -> None:
        """Lay out a new installation with these bank files; the database is made when it is first opened."""
        if self.path.exists() and any(self.path.iterdir()):
            raise FolderInUse(f"{self.path} is not empty", place=str(self.path))
        self.bank.mkdir(parents=True)
        os.chmod(self.path, 0o700)
        for name, body in bank_files.items():
            (self.bank / name).write_bytes(body)
        create_key_file(self.key, os.urandom)

    def read_bank(self) -> Bank:
        """The bank as the files say it now; `ConfigurationInvalid` with every mistake."""
        self.require()
        files = {p.name: p.read_bytes() for p in sorted(self.bank.iterdir()) if p.suffix in {".toml", ".csv"}}
        bank = load(files)
        if isinstance(bank, list):
            raise ConfigurationInvalid(bank, place=str(self.bank))
        return bank
