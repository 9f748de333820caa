"""Sale: the pure step machines of a vend and of a purchase at the screen. Does no I/O and knows no clock."""
