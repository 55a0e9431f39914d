"""Parts that more than one paper needs."""
