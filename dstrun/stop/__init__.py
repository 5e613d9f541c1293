"""Stop anywhere: a replay that stands still, and what a user does with it there."""
