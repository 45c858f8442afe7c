"""One pass after another: observe, decide, act, report."""
