"""``ddm-operator doctor``: looks at everything that ``run`` needs, and says what is wrong and what to do."""
