"""Who gets onto the list, in which place and why, and what is said of them."""
