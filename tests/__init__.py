"""The tests are a package: Ciw installs one of the same name, and a folder without this file would lose to
it."""
