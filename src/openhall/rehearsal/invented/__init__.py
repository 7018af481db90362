"""A day that nobody had: invented from documented parameters, for a bank as it is configured."""

from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.invented.run import invented_cast, rehearse_invented

__all__ = ["InventedParameters", "invented_cast", "rehearse_invented"]
