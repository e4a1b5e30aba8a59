"""The people who may sign in at this terminal while no server answers."""
