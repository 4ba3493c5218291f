"""What a recorded run is: events, their order, and the file that keeps them. Knows nothing above it."""
