"""What people look at: pages, curves and sheets."""
