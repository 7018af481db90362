"""`openhall bench`: how fast it is, as ratios within one run, measured from outside like a branch would."""
