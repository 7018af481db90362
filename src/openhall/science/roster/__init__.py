"""Rosters as mixed-integer programs, and the search for good ones."""
