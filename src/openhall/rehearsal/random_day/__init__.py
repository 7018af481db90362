"""A day of chance: valid and invalid commands, retries, crashes. It looks for what nobody thought of."""

from openhall.rehearsal.random_day.account import Broken
from openhall.rehearsal.random_day.day import DayReport, RandomDayParameters, random_day

__all__ = ["Broken", "DayReport", "RandomDayParameters", "random_day"]
