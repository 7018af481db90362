"""A day that somebody recorded, through the real code."""

from openhall.rehearsal.recorded.day import RecordedDay, RecordedParameters
from openhall.rehearsal.recorded.log_day import import_day
from openhall.rehearsal.recorded.run import rehearse_recorded
from openhall.rehearsal.recorded.ticket_log import ImportReport, LogOptions, TicketLogUnreadable
from openhall.rehearsal.recorded.warsaw import read_warsaw

__all__ = [
    "ImportReport",
    "LogOptions",
    "RecordedDay",
    "RecordedParameters",
    "TicketLogUnreadable",
    "import_day",
    "read_warsaw",
    "rehearse_recorded",
]
