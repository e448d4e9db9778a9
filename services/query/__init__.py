"""Page reads and status: reads only, but for refilling the mirror."""
