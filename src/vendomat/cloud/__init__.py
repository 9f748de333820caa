"""The cloud: the back end, one folder per feature. Knows the terminal only by the protocol."""
