"""Arrival forecasts held against recorded days that they were not learnt from."""
