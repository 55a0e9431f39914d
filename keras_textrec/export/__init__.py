"""A model as a file that stands alone."""
