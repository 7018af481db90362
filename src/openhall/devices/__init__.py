"""The machines of a hall that are not browsers: printers, and a voice for those that have none."""
