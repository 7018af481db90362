"""Arrivals forecast: day totals, the profile of a day, and what the day itself shows as it goes on."""
