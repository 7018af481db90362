"""`openhall bench`: how fast it is, as ratios within one run, measured from outside like a branch would."""

# Whichever bench is imported first, the program is there before it: its commands register themselves with it.
from openhall.cli import main  # noqa: F401
