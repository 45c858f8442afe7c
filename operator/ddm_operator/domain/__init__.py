"""The pure part: what is known, what to do about it and how to say it. No I/O, no clock, no chance."""
