"""The trace of a run: its format, reading, showing and comparing."""
