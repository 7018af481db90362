"""The bank as configured: branches, services, counters, people and skills, calendars, policies."""
