"""The hall: the door, the line, the counters, and everybody's place."""
