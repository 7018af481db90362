"""Published rostering problems: readers, and checkers that know nothing of how a problem is solved."""
