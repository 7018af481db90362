"""The closed loop: the same busy day with a fixed plan, with a rule of thumb, with the twin's moves, and with
hindsight. `docs/elastic-windows.md` says what is held equal."""
