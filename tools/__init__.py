"""What the Makefile needs that does not fit in a line of it."""
