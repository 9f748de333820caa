"""One file per migration, in the order of their numbers. None imports a feature's code: the schema stands alone."""
