"""The author's kit: writes a new pattern with its tests, and checks whether a pattern can be relied on."""
