"""How the outcome of a run is told."""
