"""A stream of one activity sorted by customer and time, read at many moments by differences of running sums."""
