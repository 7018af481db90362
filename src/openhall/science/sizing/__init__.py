"""How many counters it takes: Erlang's formulas, the bank's finite day, the twin. Numbers in, numbers out.

`ladder.size_day` is the door. What goes in and comes out (`demand`, `result`) is plain and brings no numpy
along.
"""
