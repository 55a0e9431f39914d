"""What any program could use: processes, settings, wire formats."""
