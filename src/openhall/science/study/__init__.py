"""Studies: many branches, many days, policies side by side on the same customers, in whole numbers.

`plan` is what is computed, `tasks` computes a piece of it anywhere, `sums` puts pieces together in any order,
`figures` reads means, intervals and differences off the sums, `precision` says when to stop.
"""
