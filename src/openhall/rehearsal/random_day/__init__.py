"""A day of chance: valid and invalid commands, retries, crashes. It looks for what nobody thought of."""

from openhall.rehearsal.random_day.day import DayReport, RandomDayParameters, random_day
from openhall.rehearsal.random_day.witness import Broken

__all__ = ["Broken", "DayReport", "RandomDayParameters", "random_day"]
