"""Numbers in, numbers out: queueing, the twin, prediction. Knows no bank, no log and no clock."""
