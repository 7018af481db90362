"""Planning people and windows: from a forecast and its sizing to named people in named seats [D1-D7]."""
